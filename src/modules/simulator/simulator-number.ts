import type { Config } from '#config/config';
import type { SimulatorNumber } from './graph-simulator';

/** The bearer token of the numbers of the simulator that ships with the product. A fake Meta's, hence no secret. */
export const SIMULATOR_ACCESS_TOKEN = 'simulator-access-token';

/** The number the demo organization gets. */
export const SIMULATOR_DEMO_NUMBER: SimulatorNumber = {
  phone_number_id: '999000000000001',
  waba_id: '999100000000001',
  display_phone_number: '+55 11 4000-0001',
  verified_name: 'Padaria Demo',
};

/** Meta gives no such id: those of the simulator have 15 digits and begin with 9990. */
export function isSimulatorNumber(phone_number_id: string): boolean {
  return /^9990\d{11}$/.test(phone_number_id);
}

/** Where a number of the simulator finds its Graph API: the place of META_GRAPH_BASE_URL. */
export function simulatorGraphUrl(config: Pick<Config, 'port' | 'process_role' | 'public_base_url'>): string {
  // A worker has no doors of its own; it goes to the API's.
  const base = config.process_role === 'worker' ? config.public_base_url : `http://127.0.0.1:${config.port}`;
  return `${base}/simulator/graph`;
}

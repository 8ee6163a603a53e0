import { hkdfSync } from 'node:crypto';
import type { Config } from '#config/config';
import type { SimulatorNumber } from './simulator-options';

/** The bearer token of a simulator that runs alone, and what the demo's number has in place of one. A fake Meta's, hence no secret. */
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

/** The accounts of those numbers. */
export function isSimulatorAccount(waba_id: string): boolean {
  return /^9991\d{11}$/.test(waba_id);
}

/** What the simulator inside the product signs its webhooks with: good for its own numbers, and never META_APP_SECRET. */
export function simulatorAppSecret(config: Pick<Config, 'encryption_key'>): string {
  return derived(config.encryption_key, 'webhooks');
}

/** Opens the simulator inside the product to who does not sit at its machine; PyTake itself, in whichever process, shows it to the Graph side. */
export function simulatorToken(config: Pick<Config, 'encryption_key'>): string {
  return derived(config.encryption_key, 'visitors');
}

/** The same in every process of the installation, and after a restart. */
function derived(key: Buffer, purpose: string): string {
  return Buffer.from(hkdfSync('sha256', key, '', `pytake simulator: ${purpose}`, 24)).toString('base64url');
}

/** Where a number of the simulator finds its Graph API: the place of META_GRAPH_BASE_URL. */
export const simulatorGraphUrl = (config: Place): string => `${placeOf(config)}/simulator/graph`;

/** Where the simulator is an Evolution API: the place of EVOLUTION_API_URL. Its key is `simulatorToken`. */
export const simulatorEvolutionUrl = (config: Place): string => `${placeOf(config)}/simulator/evolution`;

type Place = Pick<Config, 'port' | 'process_role' | 'public_base_url'>;

function placeOf(config: Place): string {
  // A worker has no doors of its own; it goes to the API's.
  return config.process_role === 'worker' ? config.public_base_url : `http://127.0.0.1:${config.port}`;
}

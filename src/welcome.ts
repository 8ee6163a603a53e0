import { DEMO } from '#common/demo';
import type { Config } from '#config/config';
import { isBehindProxy } from '#modules/simulator/simulator-guard';
import { simulatorToken } from '#modules/simulator/simulator-number';
import type { Demo } from './demo';

/** Nothing of it is switched off unasked: by now it may be somebody's real organization. */
export function warnOfDemo(): void {
  console.warn(
    `The demo organization is still here: ${DEMO.email} can sign in with the password its first start printed. Begin production with a new DATA_DIR, or a new database.`,
  );
}

/** What the console says once the doors are open: where to go next. */
export function announce(config: Config, demo: Demo | null): void {
  if (config.process_role === 'worker') {
    console.log('PyTake worker is running.');
    return;
  }
  const at = config.public_base_url;
  const lines = ['', `PyTake is running (${config.embedded ? 'embedded' : 'full'} profile).`, ''];
  const open = !['127.0.0.1', '::1', 'localhost'].includes(config.host);
  if (config.simulator_enabled) {
    lines.push(`  Simulator      ${at}/simulator`);
    const others = isBehindProxy(config) ? 'with its token' : open ? 'from other machines' : null;
    if (others) lines.push(`                 ${others}: /simulator?token=${simulatorToken(config)}`);
  }
  if (config.docs_enabled) lines.push(`  Documentation  ${at}/api/v1/docs`, `  GraphQL        ${at}/graphql`);
  lines.push(`  Health         ${at}/observability/health`);
  if (config.port !== portOf(at)) lines.push(`  Listening      port ${config.port}, which has to be reached as ${at}`);
  lines.push('');
  if (open && config.embedded)
    lines.push(`Everybody who reaches this machine reaches PyTake (HOST is ${config.host}). HOST=127.0.0.1 keeps it to this machine.`, '');
  if (config.production && config.registration_enabled)
    lines.push('Anybody may register an organization here. REGISTRATION_ENABLED=false closes that.', '');
  if (demo)
    lines.push(
      'A demo organization is ready. Sign in with',
      `  e-mail    ${demo.email}`,
      `  password  ${demo.password}   (printed only now)`,
      '',
    );
  console.log(lines.join('\n'));
}

/** URL leaves out the port a scheme has anyway. */
function portOf(address: string): number {
  const { port, protocol } = new URL(address);
  return Number(port || (protocol === 'https:' ? 443 : 80));
}

import type { Config } from '#config/config';
import { simulatorToken } from '#modules/simulator/simulator-number';
import type { Demo } from './demo';

const THIS_MACHINE = ['127.0.0.1', '::1', 'localhost'];

/** What the console says once the doors are open: where to go next. */
export function announce(config: Config, demo: Demo | null): void {
  if (config.process_role === 'worker') {
    console.log('PyTake worker is running.');
    return;
  }
  const at = config.public_base_url;
  const lines = ['', `PyTake is running (${config.embedded ? 'embedded' : 'full'} profile).`, ''];
  const open = !THIS_MACHINE.includes(config.host);
  if (config.simulator_enabled) {
    lines.push(`  Simulator      ${at}/simulator`);
    if (open) lines.push(`                 from other machines: /simulator?token=${simulatorToken(config)}`);
  }
  if (config.docs_enabled) lines.push(`  Documentation  ${at}/api/v1/docs`, `  GraphQL        ${at}/graphql`);
  lines.push(`  Health         ${at}/observability/health`, '');
  if (config.embedded && open)
    lines.push(
      `Whoever reaches this machine reaches PyTake, on port ${config.port} (HOST is ${config.host}). For yourself alone: HOST=127.0.0.1`,
      '',
    );
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

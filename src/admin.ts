import 'reflect-metadata';
import { parseArgs } from 'node:util';
import { NestFactory } from '@nestjs/core';
import { oneLine } from '#common/one-line';
import { joinDatabase, whileMigrating } from '#database/open-database';
import { assertUpToDate } from '#database/schema';
import { type Handover, Operator } from '#modules/auth/operator';
import { AdminModule } from './admin.module';
import { runCommand } from './command';

const USAGE = `npm run admin -- list [--all]
npm run admin -- create E-MAIL [--name NAME] [--organization NAME]
    without --organization a super admin, with it the administrator of a new organization
npm run admin -- reset-password E-MAIL
npm run admin -- reset-two-factor E-MAIL`;

const COMMANDS = ['list', 'create', 'reset-password', 'reset-two-factor'];

/** For who runs the machine, in both profiles, beside a running PyTake or without one. */
runCommand(async (args) => {
  const { values, positionals } = parseArgs({
    args,
    options: { all: { type: 'boolean' }, name: { type: 'string' }, organization: { type: 'string' } },
    allowPositionals: true,
  });
  const [command, email, ...more] = positionals;
  if (!command || more.length || (command === 'list') !== (email === undefined) || !COMMANDS.includes(command)) throw new Error(USAGE);

  const { config, release } = await joinDatabase(process.env);
  try {
    await whileMigrating(config, assertUpToDate);
    const app = await NestFactory.createApplicationContext(AdminModule.forRoot(config), { abortOnError: false, logger: ['error'] });
    try {
      const operator = app.get(Operator);
      if (email === undefined) await list(operator, values.all ?? false);
      else if (command === 'create') hand(await create(operator, email, values));
      else if (command === 'reset-password') hand(await operator.resetPassword(email));
      else console.log(oneLine(`${(await operator.resetTwoFactor(email)).email} logs in with the password alone.`));
    } finally {
      await app.close();
    }
  } finally {
    await release();
  }
});

async function list(operator: Operator, all: boolean): Promise<void> {
  const accounts = await operator.list({ all });
  const line = (email: string, role: string, organization: string, last_login: string): string =>
    [email.padEnd(36), role.padEnd(12), organization.padEnd(24), last_login].join('  ');
  if (accounts.length) console.log(line('E-MAIL', 'ROLE', 'ORGANIZATION', 'LAST LOGIN'));
  for (const { email, role, organization, last_login_at, closed } of accounts)
    console.log(
      line(oneLine(email), role, oneLine(organization), `${last_login_at?.toISOString() ?? 'never'}${closed ? `  (${closed})` : ''}`),
    );
  if (!accounts.length) console.log('Nobody yet. "npm run admin -- create E-MAIL" makes the first super admin.');
}

function create(operator: Operator, email: string, { name, organization }: { name?: string; organization?: string }): Promise<Handover> {
  return operator.create(email, name?.trim() || email.split('@')[0] || email, organization?.trim() || null);
}

function hand({ account, password }: Handover): void {
  console.log(oneLine(`${account.email} (${account.role} of ${account.organization})`));
  console.log(`  password  ${password}   (printed only now)`);
  if (account.closed) console.log(`  It cannot log in yet: ${account.closed}.`);
}

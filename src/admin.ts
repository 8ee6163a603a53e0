import 'reflect-metadata';
import { parseArgs } from 'node:util';
import { NestFactory } from '@nestjs/core';
import { Encryption } from '#common/encryption';
import { oneLine } from '#common/one-line';
import { joinDatabase, whileMigrating } from '#database/open-database';
import { Reseal, type Resealed } from '#database/reseal';
import { assertUpToDate } from '#database/schema';
import { type Handover, Operator } from '#modules/auth/operator';
import { AdminModule } from './admin.module';
import { runCommand } from './command';

const USAGE = `npm run admin -- list [--all]
npm run admin -- create E-MAIL [--name NAME] [--organization NAME]
    without --organization a super admin, with it the administrator of a new organization
npm run admin -- reset-password E-MAIL
npm run admin -- reset-two-factor E-MAIL
npm run admin -- re-encrypt
     seals with the newest ENCRYPTION_KEY what an older one sealed`;

/** What each command is about. */
const COMMANDS: Record<string, 'nobody' | 'an account'> = {
  list: 'nobody',
  create: 'an account',
  'reset-password': 'an account',
  'reset-two-factor': 'an account',
  're-encrypt': 'nobody',
};

/** For who runs the machine, in both profiles, beside a running PyTake or without one. */
runCommand(async (args) => {
  const { values, positionals } = parseArgs({
    args,
    options: { all: { type: 'boolean' }, name: { type: 'string' }, organization: { type: 'string' } },
    allowPositionals: true,
  });
  const [command, email, ...more] = positionals;
  if (!command || more.length || COMMANDS[command] !== (email === undefined ? 'nobody' : 'an account')) throw new Error(USAGE);

  const { config, release } = await joinDatabase(process.env);
  try {
    await whileMigrating(config, assertUpToDate);
    const app = await NestFactory.createApplicationContext(AdminModule.forRoot(config), { abortOnError: false, logger: ['error'] });
    try {
      const operator = app.get(Operator);
      if (command === 're-encrypt') await reEncrypt(app.get(Reseal), app.get(Encryption));
      else if (email === undefined) await list(operator, values.all ?? false);
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

/** @throws Where a text is left that no key of the ring opens. */
async function reEncrypt(reseal: Reseal, { key_id }: Encryption): Promise<void> {
  const progress = ({ table, rows }: Resealed): void => console.log(`${table}: ${rows}`);
  const done = await reseal.run({ progress });
  const sum = (of: (table: Resealed) => number): number => done.reduce((total, table) => total + of(table), 0);
  console.log(`${sum(({ rows }) => rows)} rows are sealed with the key ${key_id} now.`);
  const unopened = done.filter((table) => table.unopened);
  if (unopened.length)
    throw new Error(
      `${unopened.map(({ table, unopened }) => `${unopened} rows of ${table}`).join(', ')} cannot be opened and stay as they are: name the key they are sealed with in ENCRYPTION_KEYS_OLD.`,
    );
  console.log('Nothing is sealed with another one: ENCRYPTION_KEYS_OLD may go once every process runs with this key.');
}

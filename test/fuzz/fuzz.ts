import { type SpawnOptions, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { INHERITED } from '../support/inherited';
import { Product } from '../support/product';

/**
 * Schemathesis against the built product, as each role, by REST and GraphQL: no server error, and no answer the OpenAPI document does not
 * know. Seeded, so that a finding comes again: SEED, EXAMPLES of each route, PHASES (`coverage,fuzzing` takes minutes and tries every bound).
 */
const { SEED = '1', EXAMPLES = '6', PHASES = 'fuzzing' } = process.env;

const ROOT = resolve(__dirname, '..', '..', '..');
const HERE = join(ROOT, 'test', 'fuzz');
const VENV = join(ROOT, '.data', 'fuzz');
const SCHEMATHESIS = join(VENV, 'bin', 'schemathesis');

const CHECKS = 'not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance';
/** What would end the session all the others run in (Schemathesis asks again with ids it was answered, so also with that of its own session), and what refuses whoever asks here: a refusal without data is an error of the server to Schemathesis. */
const ENDING = ['logout', 'deleteSession', 'changePassword'];
const REFUSING = [
  ...['refreshToken', 'enableTwoFactor', 'disableTwoFactor'],
  ...['create', 'activate', 'deactivate', 'suspend', 'delete', 'restore'].map((verb) => `${verb}Organization`),
  'updateOrganizationPlan',
];
const EXCLUDED = [
  ...['/api/v1/auth/logout', '/api/v1/auth/sessions/{session_id}'].flatMap((path) => ['--exclude-path', path]),
  ...[...ENDING, ...REFUSING].flatMap((name) => ['--exclude-name', `Mutation.${name}`]),
];

const ROOT_EMAIL = 'root@pytake.example';
const PASSWORD = 'correct-horse-1';

/** Resolves with the exit code and all it said. */
function run(command: string, args: string[], options: SpawnOptions = {}): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    let output = '';
    const child = spawn(command, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'], ...options });
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, output }));
  });
}

async function install(): Promise<void> {
  if (!existsSync(join(VENV, 'bin', 'python'))) await must('python3', ['-m', 'venv', VENV]);
  await must(join(VENV, 'bin', 'python'), [
    '-m',
    'pip',
    'install',
    '--quiet',
    '--disable-pip-version-check',
    '-r',
    join(HERE, 'requirements.txt'),
  ]);
}

async function must(command: string, args: string[]): Promise<void> {
  const { code, output } = await run(command, args);
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}:\n${output}`);
}

/** The product as somebody. */
class Api {
  constructor(
    private readonly product: Product,
    readonly token = '',
  ) {}

  async as(email: string, password: string): Promise<Api> {
    const { access_token } = await this.product.call<{ access_token: string }>('POST', '/auth/login', { email, password });
    return new Api(this.product, access_token);
  }

  async ids(list: string): Promise<string[]> {
    const { items } = await this.product.call<{ items: { id: string }[] }>('GET', list, undefined, this.token);
    return items.map(({ id }) => id);
  }
}

async function main(): Promise<void> {
  await install();
  const product = await Product.start({ SUPER_ADMIN_EMAIL: ROOT_EMAIL, SUPER_ADMIN_PASSWORD: PASSWORD });
  try {
    const guest = new Api(product);
    const admin = await guest.as('admin@demo.pytake', product.password);
    const agent = { email: 'agent@demo.pytake', full_name: 'Ana Souza', role: 'agent', password: PASSWORD };
    await product.call('POST', '/users', agent, admin.token);
    // REST may end the session of who is asked there: GraphQL has an administrator of its own.
    const second = { email: 'admin2@demo.pytake', full_name: 'Zoé Lima', role: 'org_admin', password: PASSWORD };
    await product.call('POST', '/users', second, admin.token);
    const roles = {
      org_admin: admin,
      agent: await guest.as(agent.email, PASSWORD),
      super_admin: await guest.as(ROOT_EMAIL, PASSWORD),
    };
    const [contacts, conversations, numbers, messages] = await Promise.all(
      ['/contacts', '/conversations', '/whatsapp', '/whatsapp/messages'].map((list) => admin.ids(list)),
    );
    const env = {
      ...INHERITED,
      // Nothing is written into the tree; what Schemathesis remembers lies beside its venv.
      PYTHONDONTWRITEBYTECODE: '1',
      SCHEMATHESIS_HOOKS: join(HERE, 'hooks.py'),
      FUZZ_IDS: JSON.stringify({
        contact_id: contacts,
        conversation_id: conversations,
        number_id: numbers,
        whatsapp_number_id: numbers,
        message_id: messages,
        reply_to_message_id: messages,
      }),
    };
    const doors = [
      ...Object.entries(roles).map(([role, api]) => ({ name: `REST as ${role}`, api, path: '/api/v1/openapi.json' })),
      { name: 'GraphQL as org_admin', api: await guest.as(second.email, PASSWORD), path: '/graphql' },
    ];
    const results = await Promise.all(
      doors.map(async ({ name, api, path }) => {
        const options = ['--phases', PHASES, '--checks', CHECKS, '--max-examples', EXAMPLES, '--seed', SEED, ...EXCLUDED];
        const quiet = ['--no-color', '--no-shrink', '--continue-on-failure', '--warnings', 'off', '--generation-database', 'none'];
        const header = ['--header', `Authorization: Bearer ${api.token}`];
        return {
          name,
          ...(await run(SCHEMATHESIS, ['run', `${product.url}${path}`, ...header, ...options, ...quiet], { env, cwd: VENV })),
        };
      }),
    );
    for (const { name, code, output } of results) {
      const cases = /^ *(\d+ generated.*)$/m.exec(output)?.[1] ?? '';
      console.log(code === 0 ? `${name}: ${cases}` : `${name}: found something\n${output}`);
    }
    const faults = product.output.split('\n').filter((line) => line.includes('unexpected error'));
    for (const fault of faults) console.log(fault);
    if (faults.length || results.some(({ code }) => code !== 0)) process.exitCode = 1;
  } finally {
    await product.end();
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});

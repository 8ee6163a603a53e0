import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { percentile } from './generator';
import { type PyTake, type Stage, type Tenant, figure, play, setting, table } from './stage';

/** ROWS of a file taken in as CSV (`;`, Latin-1), again as updates, and as XLSX; what others wait meanwhile; exports; and a process killed in the middle. */
const ROWS = setting('ROWS', 50_000);
const SECONDS_MAX = 60;
/** More than the process had before. */
const MEGABYTES_MAX = 300;

interface Import {
  id: string;
  status: string;
  processed_rows: number;
  created_count: number;
  updated_count: number;
  failed_count: number;
}

const HEADER = ['Telefone', 'Nome', 'E-mail', 'Empresa', 'Cargo', 'Cidade', 'Etiquetas', 'Observações', 'attributes.pedidos', 'Tamanho'];

const row = (n: number, area: number): (string | number)[] => [
  5_500_960_000_000 + area * 100_000_000 + n,
  `João Conceição ${n}`,
  `joao.${n}@cliente.example`,
  `Padaria nº ${n % 900}`,
  'Gerente',
  ['São Paulo', 'Florianópolis', 'Belém'][n % 3],
  ['Feira', 'Atacado, Feira', ''][n % 3],
  `Prefere ser atendido à tarde; pediu ${n % 40} pães na última vez.`,
  n % 70,
  ['P', 'M', 'G'][n % 3],
];

const rowsOf = (area: number): (string | number)[][] => Array.from({ length: ROWS }, (_, n) => row(n, area));

const csv = (area: number): Buffer =>
  Buffer.from([HEADER, ...rowsOf(area)].map((cells) => cells.map((cell) => `"${cell}"`).join(';')).join('\r\n'), 'latin1');

async function xlsx(area: number): Promise<Buffer> {
  const { writeXlsx } = await import('hucre/xlsx');
  return Buffer.from(await writeXlsx({ sheets: [{ name: 'Plan1', rows: [HEADER, ...rowsOf(area)] }] }));
}

play(async (stage, check) => {
  let pytake = await stage.pytake();
  await stage.sql.query(`UPDATE users SET role = 'org_admin' WHERE id = $1`, [stage.bakery.user_id]);
  const lines: string[][] = [];
  const [file, book] = [csv(11), await xlsx(12)];

  const take = async (
    what: string,
    bytes: Buffer,
    name: string,
    fields: Record<string, string>,
    expected: Partial<Import>,
  ): Promise<void> => {
    const [before, cpu] = [pytake.rss(), cpuSeconds(pytake)];
    const waits = watch(pytake, stage);
    const began = performance.now();
    const started = await send(stage, pytake, stage.bakery, bytes, name, fields);
    const answered = performance.now() - began;
    const ended = await settled(stage, pytake, stage.bakery, started.id);
    const seconds = (performance.now() - began) / 1000;
    const others = (await waits()).sort((a, b) => a - b);
    for (const [field, value] of Object.entries(expected)) check(ended[field as keyof Import] === value, `${what}: ${field} is ${value}`);
    check(seconds <= SECONDS_MAX, `${what}: ${SECONDS_MAX} s at most`);
    check(pytake.peak() - before <= MEGABYTES_MAX, `${what}: ${MEGABYTES_MAX} MB at most`);
    lines.push([
      what,
      `${(bytes.length / 1024 / 1024).toFixed(1)} MB`,
      `${(answered / 1000).toFixed(1)} s`,
      `${seconds.toFixed(1)} s`,
      `${(cpuSeconds(pytake) - cpu).toFixed(1)} s`,
      figure(ROWS / seconds),
      `${figure(before)} → ${figure(pytake.peak())} MB`,
      `${percentile(others, 0.5).toFixed(0)} / ${percentile(others, 0.99).toFixed(0)} ms`,
    ]);
  };

  await take('CSV, new', file, 'contatos.csv', {}, { status: 'completed', created_count: ROWS, failed_count: 0 });
  await take('CSV, updates', file, 'contatos.csv', { on_duplicate: 'update' }, { status: 'completed', updated_count: ROWS });
  await take('XLSX, new', book, 'contatos.xlsx', {}, { status: 'completed', created_count: ROWS, failed_count: 0 });
  for (const format of ['csv', 'xlsx', 'json']) {
    const waits = watch(pytake, stage);
    const [began, before, cpu] = [performance.now(), pytake.rss(), cpuSeconds(pytake)];
    const bytes = (await (await ask(stage, pytake, stage.bakery, `contacts/export?format=${format}`)).arrayBuffer()).byteLength;
    const seconds = (performance.now() - began) / 1000;
    const others = (await waits()).sort((a, b) => a - b);
    lines.push([
      `export of ${figure(2 * ROWS)}, ${format}`,
      `${(bytes / 1024 / 1024).toFixed(1)} MB`,
      '',
      `${seconds.toFixed(1)} s`,
      `${(cpuSeconds(pytake) - cpu).toFixed(1)} s`,
      figure((2 * ROWS) / seconds),
      `${figure(before)} → ${figure(pytake.peak())} MB`,
      `${percentile(others, 0.5).toFixed(0)} / ${percentile(others, 0.99).toFixed(0)} ms`,
    ]);
  }

  // Killed in the middle, twice.
  const { id } = await send(stage, pytake, stage.neighbour, file, 'contatos.csv', {});
  for (const share of [0.2, 0.6]) {
    while ((await look(stage, pytake, stage.neighbour, id)).processed_rows < share * ROWS) await sleep(50);
    await stage.kill(pytake.process, 'SIGKILL');
    pytake = await stage.pytake();
  }
  const ended = await settled(stage, pytake, stage.neighbour, id);
  const { rows } = await stage.sql.query<{ contacts: number; people: number }>(
    'SELECT count(*)::int AS contacts, count(DISTINCT match_key)::int AS people FROM contacts WHERE organization_id = $1',
    [stage.neighbour.organization_id],
  );
  check(ended.created_count === ROWS && rows[0].contacts === ROWS && rows[0].people === ROWS, 'killed twice: every row once');

  console.log(table(['', 'file', 'answered', 'done', 'CPU', 'rows/s', 'RSS before → most', 'others wait p50 / p99'], lines));
});

/** Of PyTake's process so far; a busy machine adds nothing to it. */
const cpuSeconds = ({ process: { pid } }: PyTake): number => {
  const [user, system] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ').slice(11, 13).map(Number);
  return (user + system) / 100;
};

async function ask(stage: Stage, { port }: PyTake, who: Tenant, path: string, init: RequestInit = {}): Promise<Response> {
  const answer = await fetch(`http://127.0.0.1:${port}/api/v1/${path}`, {
    ...init,
    headers: { authorization: `Bearer ${stage.token(who)}` },
  });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return answer;
}

async function send(
  stage: Stage,
  pytake: PyTake,
  who: Tenant,
  bytes: Buffer,
  name: string,
  fields: Record<string, string>,
): Promise<Import> {
  const form = new FormData();
  form.append('file', new Blob([new Uint8Array(bytes)]), name);
  for (const [field, value] of Object.entries(fields)) form.append(field, value);
  return (await (await ask(stage, pytake, who, 'contacts/import', { method: 'POST', body: form })).json()) as Import;
}

const look = async (stage: Stage, pytake: PyTake, who: Tenant, id: string): Promise<Import> =>
  (await (await ask(stage, pytake, who, `contacts/imports/${id}`)).json()) as Import;

async function settled(stage: Stage, pytake: PyTake, who: Tenant, id: string): Promise<Import> {
  for (;;) {
    const now = await look(stage, pytake, who, id);
    if (now.status === 'completed' || now.status === 'failed') return now;
    await sleep(100);
  }
}

/** How long another organization waits for its list, again and again; ends with the answer. */
function watch(pytake: PyTake, stage: Stage): () => Promise<number[]> {
  const times: number[] = [];
  let ended = false;
  const asking = (async () => {
    for (; !ended; await sleep(20)) {
      const began = performance.now();
      // A connection that was closed while it was idle is no wait.
      const answer = await ask(stage, pytake, stage.neighbour, 'contacts?limit=1').catch(() => null);
      await answer?.arrayBuffer();
      if (answer) times.push(performance.now() - began);
    }
  })();
  return async () => {
    ended = true;
    await asking;
    return times;
  };
}

import { asBytes } from './files';
import { unzip } from './unzip';
import type { Person } from './world';

type Row = Record<string, unknown>;

/** The files of an organization's export. */
export async function archiveOf(
  by: Person,
  path = '/organizations/me/export',
): Promise<{ files: Map<string, Buffer>; headers: Record<string, string> }> {
  const { body, headers } = await by.get(path).buffer(true).parse(asBytes).expect(200);
  return { files: unzip(body as Buffer), headers };
}

export const textIn = (files: Map<string, Buffer>, name: string): string => files.get(name)?.toString() ?? '(none)';

export const rowsIn = (files: Map<string, Buffer>, table: string): Row[] =>
  textIn(files, `${table}.ndjson`)
    .split('\n')
    .filter((line) => line)
    .map((line) => JSON.parse(line) as Row);

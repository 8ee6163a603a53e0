import { Invalid } from '#common/errors';
import { isFitName } from '#common/fit';

/** What import and export call a contact's fields, in the order of an exported file. Attributes stand between the last two. */
export const CONTACT_COLUMNS = [
  'whatsapp_id',
  'name',
  'email',
  'alternative_phone',
  'company',
  'job_title',
  'source',
  'lifecycle_stage',
  'lead_score',
  'opt_in',
  'is_vip',
  'is_blocked',
  'tags',
  'assigned_agent_email',
  'address_street',
  'address_city',
  'address_state',
  'address_country',
  'address_postal_code',
  'notes',
] as const;

export type ContactColumn = (typeof CONTACT_COLUMNS)[number];

/** An attribute as it is exported: its values keep their types. */
export const ATTRIBUTE = 'attributes.';

/** Where a cell goes. */
export type Target = { field: ContactColumn | 'phone_number' | 'phone' | 'attributes' } | { attribute: string; is_typed: boolean };

export interface Column {
  /** Where it stands in the row, from 0. */
  at: number;
  target: Target;
}

/** What else the columns are called, as `fold` writes it. Of several phones in a row the first of these is the contact's. */
const CALLED: Partial<Record<ContactColumn, readonly string[]>> = {
  whatsapp_id: ['whatsapp', 'celular', 'mobile', 'mobile_phone', 'phone_number', 'phone', 'telefone', 'fone', 'tel', 'numero', 'number'],
  name: ['nome', 'full_name', 'nome_completo'],
  email: ['e_mail'],
  alternative_phone: ['telefone_alternativo', 'telefone_2', 'phone_2'],
  company: ['empresa', 'organizacao', 'organization'],
  job_title: ['cargo', 'funcao'],
  source: ['origem'],
  lifecycle_stage: ['estagio', 'etapa'],
  lead_score: ['pontuacao', 'score'],
  opt_in: ['optin', 'aceita_marketing', 'consentimento'],
  is_vip: ['vip'],
  is_blocked: ['blocked', 'bloqueado'],
  tags: ['tag', 'etiquetas', 'etiqueta', 'labels', 'marcadores'],
  assigned_agent_email: ['agent_email', 'email_do_agente', 'email_do_atendente', 'email_do_responsavel'],
  address_street: ['street', 'address', 'endereco', 'rua', 'logradouro'],
  address_city: ['city', 'cidade', 'municipio'],
  address_state: ['state', 'estado', 'uf'],
  address_country: ['country', 'pais'],
  address_postal_code: ['address_zipcode', 'postal_code', 'zipcode', 'zip', 'cep', 'codigo_postal'],
  notes: ['observacoes', 'observacao', 'obs', 'notas', 'anotacoes'],
};

const FIELDS = new Map<string, ContactColumn | 'attributes'>([
  ...CONTACT_COLUMNS.flatMap((field) => [field, ...(CALLED[field] ?? [])].map((name) => [name, field] as const)),
  // An object of them, as JSON.
  ['attributes', 'attributes'],
]);

/** Which of two columns is the phone. */
const PHONES = ['whatsapp_id', ...(CALLED.whatsapp_id ?? [])];
/** Where the phones of a row go, the foremost first: the rules of a body make the others the alternative one. */
const PHONE_FIELDS = ['whatsapp_id', 'phone_number', 'phone'] as const;

/** Columns we write and do not read. */
const UNREAD = new Set(['created_at']);
/** Says of a column that nobody wants it. */
const IGNORED = new Set(['', 'ignore', 'skip']);

/** A column's name without what people spell differently: `E-Mail ` and `e_mail` are one. */
export const fold = (name: string): string =>
  name
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, '_')
    .replace(/^_+|_+$/g, '');

/**
 * Where the cells of a file go. `mapping` says it of columns by their names; what it does not name goes by its own.
 * @throws {Invalid} `missing_phone_column`. @throws {Invalid} A column or a field of the mapping that there is not.
 */
export function columnsOf(header: readonly string[], mapping: Readonly<Record<string, string | null>>): Column[] {
  const mapped = new Map(Object.entries(mapping).map(([column, field]) => [fold(column), { column, field: field ?? '' }]));
  const names = new Set(header.map(fold));
  for (const [name, { column }] of mapped)
    if (!names.has(name)) throw Invalid.field('mapping', `the file has no column ${JSON.stringify(column.slice(0, 100))}`);

  const taken = new Set<string>();
  const phones: { at: number; rank: number }[] = [];
  const columns: Column[] = [];
  for (const [at, title] of header.entries()) {
    const name = fold(title);
    const said = mapped.get(name);
    const target = said ? mappedTarget(said.field, at) : targetOf(title, at);
    if (!target) continue;
    if ('field' in target && target.field === 'whatsapp_id') {
      phones.push({ at, rank: said ? -1 : PHONES.indexOf(name) });
      continue;
    }
    const key = 'field' in target ? target.field : ATTRIBUTE + target.attribute;
    if (!taken.has(key)) columns.push({ at, target });
    taken.add(key);
  }
  if (!phones.length)
    throw Invalid.field(
      'file',
      'No column has the phone: call one whatsapp_id, phone, telefone, celular or whatsapp, or name it in `mapping`.',
      'missing_phone_column',
      'missing_phone_column',
    );
  phones.sort((a, b) => a.rank - b.rank);
  for (const [n, field] of PHONE_FIELDS.entries()) if (phones[n]) columns.push({ at: phones[n].at, target: { field } });
  return columns;
}

/** By what the column is called; what is no field of ours is an attribute. */
function targetOf(title: string, at: number): Target | null {
  const name = fold(title);
  const field = FIELDS.get(name);
  return field ? { field } : UNREAD.has(name) ? null : attributeOf(title, at);
}

function mappedTarget(field: string, at: number): Target | null {
  if (IGNORED.has(field.trim())) return null;
  const known = FIELDS.get(fold(field));
  if (known) return { field: known };
  if (/^attr(?:ibutes)?\./i.test(field)) {
    const target = attributeOf(field, at);
    if (target) return target;
  }
  throw Invalid.field('mapping', `${JSON.stringify(field.slice(0, 100))} is no field of a contact; an attribute is attributes.name`);
}

/** `attributes.Key` as it is exported, `attr.Key`, or any name at all. null: it has none. */
function attributeOf(title: string, at: number): Target | null {
  const [, prefix, rest = ''] = /^\s*(attr|attributes)\.(.*)$/is.exec(title) ?? [];
  const said = (prefix ? rest : title).trim();
  if (!said) return null;
  const attribute = keyOf(said) || `column_${at + 1}`;
  return isFitName(attribute) ? { attribute, is_typed: prefix?.toLowerCase() === 'attributes' } : null;
}

/** A name as the key of an attribute. */
function keyOf(name: string): string {
  if (/^[A-Za-z][A-Za-z0-9_]{0,63}$/.test(name)) return name;
  const plain = fold(name).replace(/[^a-z0-9_]/g, '');
  return (/^[0-9_]/.test(plain) ? `c_${plain}` : plain).slice(0, 64);
}

import { parse } from '#api/validation.pipe';
import { AppError } from '#common/errors';
import { assertFit } from '#common/fit';
import { isObject } from '#common/is-object';
import { matchKey } from '#common/phone';
import { numbersOf } from '../contact-changes';
import { ContactCreate } from '../contact.dto';
import { flawOfTagName } from '#modules/tags/tag.entity';
import { attributeOfCell, booleanOfCell, integerOfCell, phoneOfCell, tagsOfCell, unguarded } from './cells';
import type { Column, Target } from './columns';
import type { ImportError } from './contact-import.entity';

/** A row of a file: its number and its cells. */
export type StagedRow = [row: number, cells: string[]];

/** A row as the contact it says. */
export interface ImportRow {
  row: number;
  whatsapp_id: string;
  match_key: string;
  /** What `POST /contacts` takes, and checked as that is; its number stands above. */
  input: Omit<ContactCreate, 'whatsapp_id' | 'phone_number' | 'phone'>;
  /** null: the row says nothing of them. */
  tags: string[] | null;
  agent_email: string | null;
}

const VALUE_MAX = 100;

type Given = Record<string, unknown> & { attributes?: Record<string, unknown> };

/** What a row says. @throws {RowFlaws} */
export async function readRow([row, cells]: StagedRow, columns: readonly Column[], country_code: string | null): Promise<ImportRow> {
  const given: Given = {};
  let agent_email: string | null = null;
  for (const { at, target } of columns) {
    const cell = unguarded(cells[at] ?? '');
    if (!cell.trim()) continue;
    if ('attribute' in target) (given.attributes ??= {})[target.attribute] = target.is_typed ? attributeOfCell(cell) : cell;
    else if (target.field === 'tags') given.tags = tagsOfCell(cell);
    else if (target.field === 'attributes') Object.assign((given.attributes ??= {}), attributesOfCell(row, cell));
    else if (target.field === 'assigned_agent_email') agent_email = cell.trim().toLowerCase();
    else given[target.field] = valueOf(target, cell, country_code);
  }
  try {
    assertFit(given, 'body');
    const { phone_number, phone, whatsapp_id, tags = null, ...rest } = await parse(ContactCreate, given);
    for (const name of tags ?? []) {
      const flaw = flawOfTagName(name);
      if (flaw) throw RowFlaws.one(row, 'tags', name, flaw);
    }
    const numbers = numbersOf({ phone_number, phone, whatsapp_id, alternative_phone: rest.alternative_phone });
    if (!numbers.whatsapp_id) throw new RowFlaws([{ row, field: 'whatsapp_id', value: null, message: 'the row has no phone' }]);
    const input = { ...rest, alternative_phone: numbers.alternative_phone ?? undefined };
    return {
      row,
      whatsapp_id: numbers.whatsapp_id,
      match_key: matchKey(numbers.whatsapp_id),
      input: Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined)),
      tags,
      agent_email,
    };
  } catch (error) {
    if (error instanceof AppError) throw RowFlaws.of(row, error, (field) => cellAt(field, cells, columns));
    throw error;
  }
}

function valueOf({ field }: Extract<Target, { field: string }>, cell: string, country_code: string | null): unknown {
  switch (field) {
    case 'whatsapp_id':
    case 'phone_number':
    case 'phone':
    case 'alternative_phone':
      return phoneOfCell(cell, country_code);
    case 'opt_in':
    case 'is_vip':
    case 'is_blocked':
      return booleanOfCell(cell);
    case 'lead_score':
      return integerOfCell(cell);
    default:
      return cell;
  }
}

/** Attributes that have no column of their own. @throws {RowFlaws} */
function attributesOfCell(row: number, cell: string): object {
  try {
    const value: unknown = JSON.parse(cell);
    if (isObject(value)) return value;
  } catch {
    // No JSON at all.
  }
  throw RowFlaws.one(row, 'attributes', cell, 'must be a JSON object');
}

/** The cell a field's value came from. */
function cellAt(field: string, cells: readonly string[], columns: readonly Column[]): string | null {
  const column = columns.find(({ target }) => ('field' in target ? target.field : `attributes.${target.attribute}`) === field);
  return column ? (cells[column.at] ?? null) : null;
}

/** What is wrong with a row; the others go in. */
export class RowFlaws extends Error {
  constructor(readonly errors: readonly ImportError[]) {
    super();
  }

  /** As the API would have said it of a body. */
  static of(row: number, error: AppError, cellOf: (field: string) => string | null = () => null): RowFlaws {
    const details = error.details ?? [{ msg: error.message, type: error.error_code }];
    return new RowFlaws(
      details.map(({ loc = [], msg }) => {
        const field = loc.slice(1).join('.') || null;
        return { row, field, value: field && (cellOf(field)?.slice(0, VALUE_MAX) ?? null), message: msg };
      }),
    );
  }

  static one(row: number, field: string | null, value: string | null, message: string): RowFlaws {
    return new RowFlaws([{ row, field, value: value?.slice(0, VALUE_MAX) ?? null, message }]);
  }
}

const ALIASES = Symbol('aliases');
const BARE_LIST = Symbol('bare list');

type AliasMap = ReadonlyMap<string, readonly string[]>;

/** Other spellings a client may send for this field; the canonical one wins when both are there. */
export function Alias(...names: string[]): PropertyDecorator {
  return (prototype, property) => {
    const map = new Map(aliasesOf(prototype));
    map.set(String(property), names);
    Reflect.defineMetadata(ALIASES, map, prototype);
  };
}

/** Field → other spellings, those of base classes included. */
export function aliasesOf(prototype: object): AliasMap {
  return (Reflect.getMetadata(ALIASES, prototype) as AliasMap | undefined) ?? new Map();
}

/** Copies the aliases of `fields` (all when absent): mapped types are new classes that inherit nothing. */
export function inheritAliases(from: object, to: object, fields?: readonly string[]): void {
  const map = new Map([...aliasesOf(to), ...[...aliasesOf(from)].filter(([field]) => !fields || fields.includes(field))]);
  if (map.size) Reflect.defineMetadata(ALIASES, map, to);
}

/** The same input with canonical names only. */
export function resolveAliases(input: Record<string, unknown>, prototype: object): Record<string, unknown> {
  const aliases = aliasesOf(prototype);
  if (!aliases.size) return input;
  const output = { ...input };
  for (const [field, names] of aliases)
    for (const name of names) {
      if (!(name in output)) continue;
      if (output[field] === undefined) output[field] = output[name];
      delete output[name];
    }
  return output;
}

/** A body that is a list, and no object, stands for this field. */
export const BareList = (): PropertyDecorator => (prototype, property) => Reflect.defineMetadata(BARE_LIST, property, prototype);

/** The body as the object it stands for. */
export function resolveBareList(body: unknown, prototype: object): unknown {
  const field = Reflect.getMetadata(BARE_LIST, prototype) as string | undefined;
  return field !== undefined && Array.isArray(body) ? { [field]: body as unknown[] } : body;
}

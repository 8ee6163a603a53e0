import {
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLObjectType,
  type GraphQLSchema,
  getNamedType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isObjectType,
} from 'graphql';

/** What ends the session of who asks. */
const LEFT_OUT = new Set(['logout', 'refreshToken']);

const ODD_VALUES = [
  'null',
  '-1',
  '0',
  '2147483647',
  '99999999999999999999',
  '1e400',
  'true',
  '""',
  '" "',
  '"\\u0000"',
  '"javascript:alert(1)"',
  '"019aa1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"',
  '"------------------------------------"',
  '"2024-02-30"',
  '"created_at:desc"',
  'ENUM',
  '[]',
  '[[[1]]]',
  '{}',
  '{a: {b: [1, "x"]}}',
  '$unknown',
];

/** GraphQL documents at random, the same for the same seed: deep, wide, aliased, in fragments, with wrong values, now and then cut off. */
export class GraphqlDocuments {
  private fragments: string[] = [];
  private aliases = 0;

  constructor(
    private readonly schema: GraphQLSchema,
    private seed: number,
  ) {}

  next(): { query: string; variables: Record<string, unknown> } {
    this.fragments = [];
    this.aliases = 0;
    const [word, root] = this.chance(0.8) ? ['query', this.schema.getQueryType()] : ['mutation', this.schema.getMutationType()];
    if (!root) throw new Error('The schema has no root');
    const definitions = this.chance(0.1) ? '($limit: Int = 100, $id: ID)' : '';
    const query = `${word} Q${definitions} ${this.selection(root, this.chance(0.1) ? 12 : this.below(4))} ${this.fragments.join(' ')}`;
    return {
      query: this.chance(0.05) ? query.slice(0, this.below(query.length)) : query,
      variables: this.chance(0.3) ? { limit: this.pick([1, 100, -1, 1e9, '5', null, [1]]), id: this.pick(['x', 1, {}, null]) } : {},
    };
  }

  private selection(type: GraphQLObjectType, depth: number): string {
    const fields = Object.values(type.getFields()).filter(({ name }) => !LEFT_OUT.has(name));
    const parts = Array.from({ length: 1 + this.below(this.chance(0.05) ? 40 : 4) }, () => this.part(type, this.pick(fields), depth));
    return `{ ${parts.join(' ')} }`;
  }

  private part(type: GraphQLObjectType, field: GraphQLField<unknown, unknown>, depth: number): string {
    if (this.chance(0.03)) return '__typename';
    if (this.chance(0.01)) return `no_such_field_${this.below(9)}`;
    if (this.chance(0.06)) return `... on ${this.chance(0.95) ? type.name : 'Contact'} ${this.selection(type, depth - 1)}`;
    if (this.chance(0.08)) return this.spread(type, depth);
    const inner = getNamedType(field.type);
    // The same name twice with other arguments is a conflict: one that reaches no resolver.
    const alias = this.chance(field.args.length ? 0.95 : 0.05) ? `a${this.aliases++}: ` : '';
    const directive = this.chance(0.04)
      ? ` @${this.pick(['include', 'skip', 'nothing'])}(if: ${this.pick(['true', 'false', '1', '$limit'])})`
      : '';
    const below = isObjectType(inner) ? (depth > 0 ? ` ${this.selection(inner, depth - 1)}` : ' { __typename }') : '';
    return `${alias}${field.name}${this.given(field.args)}${directive}${below}`;
  }

  private spread(type: GraphQLObjectType, depth: number): string {
    if (this.fragments.length && this.chance(0.1)) return `...F${this.below(this.fragments.length + 1)}`;
    const name = `F${this.fragments.length}`;
    const at = this.fragments.push('') - 1;
    this.fragments[at] = `fragment ${name} on ${type.name} ${this.selection(type, depth - 1)}`;
    return `...${name}`;
  }

  private given(args: readonly GraphQLArgument[]): string {
    const given = args.filter(({ type }) => this.chance(isNonNullType(type) ? 0.99 : 0.4));
    return given.length ? `(${given.map(({ name, type }) => `${name}: ${this.value(type, 3)}`).join(', ')})` : '';
  }

  private value(type: GraphQLInputType, depth: number): string {
    if (this.chance(0.06)) return this.pick(ODD_VALUES);
    if (isNonNullType(type)) return this.value(type.ofType, depth);
    if (isListType(type)) return `[${Array.from({ length: this.below(3) }, () => this.value(type.ofType, depth - 1)).join(', ')}]`;
    if (isInputObjectType(type)) {
      const fields = Object.values(type.getFields()).filter((field) => depth > 0 && this.chance(isNonNullType(field.type) ? 0.99 : 0.3));
      return `{ ${fields.map((field) => `${field.name}: ${this.value(field.type, depth - 1)}`).join(', ')} }`;
    }
    if (type.name === 'Int' || type.name === 'Float') return String(this.pick([1, 2, 10, 50, 500, -1]));
    if (type.name === 'Boolean') return this.pick(['true', 'false']);
    if (type.name === 'JSON') return this.pick(['{}', '[]', '1', '{a: [1, {b: "x"}]}']);
    return this.pick(['"x"', '"ana@padaria.example"', '"019aa1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"', '"+5511987654321"', '"open"', '"agent"']);
  }

  private pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)];
  }

  private below(max: number): number {
    return Math.floor(this.random() * max);
  }

  private chance(share: number): boolean {
    return this.random() < share;
  }

  /** Mulberry32. */
  private random(): number {
    this.seed = (this.seed + 0x6d2b79f5) | 0;
    let t = Math.imul(this.seed ^ (this.seed >>> 15), 1 | this.seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }
}

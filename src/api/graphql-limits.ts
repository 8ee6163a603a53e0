import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLCompositeType,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLSchema,
  Kind,
  type OperationDefinitionNode,
  OperationTypeNode,
  SchemaMetaFieldDef,
  type SelectionNode,
  type SelectionSetNode,
  TypeMetaFieldDef,
  getNamedType,
  getNullableType,
  isCompositeType,
  isIntrospectionType,
  isLeafType,
  isListType,
  visit,
} from 'graphql';
import { BadRequest } from '#common/errors';
import { DEPTH_MAX } from '#common/fit';
import { PAGE_SIZE_MAX } from '#common/page.dto';

/**
 * What one document may hold, whoever sends it. Depth and aliases are contract 10 §15's; the others are several times what the simulator's
 * page, the specs and the introspection of the usual tools ask.
 */
export const LIMITS = {
  characters: 100_000,
  tokens: 2000,
  operations: 10,
  fragments: 30,
  directives: 50,
  /** Lists and objects written into the document, one in another. */
  value_depth: DEPTH_MAX,
  /** The same field in one selection: comparing them all with each other is what validation is slow at. */
  repeats: 3,
  depth: 10,
  aliases: 30,
  root_fields: 30,
  /** Lists of an introspection; the tools' own query has nine. */
  introspection_lists: 15,
  cost: 30_000,
};

/** The weight of one row of the answer (it is read from the database) and of one value in it. */
const ROW = 5;
const VALUE = 1;
/** A text that may be long, for the `complexity` of its field. */
export const TEXT = 3;
/** A JSON value: as large as a customer makes it. */
const JSON_VALUE = 8;
/** Rows of a list inside another thing that takes no `limit`: identities, labels. */
const FEW = 10;

/** What a selection comes to, its fragments included; all but the depth add up. */
interface Weight {
  depth: number;
  root_fields: number;
  aliases: number;
  introspection_lists: number;
  cost: number;
}

const NOTHING: Weight = { depth: 0, root_fields: 0, aliases: 0, introspection_lists: 0, cost: 0 };

const sum = (a: Weight, b: Weight): Weight => ({
  depth: Math.max(a.depth, b.depth),
  root_fields: a.root_fields + b.root_fields,
  aliases: a.aliases + b.aliases,
  introspection_lists: a.introspection_lists + b.introspection_lists,
  cost: a.cost + b.cost,
});

const refuse = (message: string): BadRequest => new BadRequest('query_too_complex', message);

/**
 * Refuses what would cost too much, before it is validated or run. Each fragment is weighed once, however often it is spread. What does not
 * fit the schema weighs little: validation refuses it.
 * Answers how many acts the document asks for: the root fields of its longest mutation.
 * @throws {BadRequest} `query_too_complex`.
 */
export function assertWithinLimits(schema: GraphQLSchema, document: DocumentNode, variables: Record<string, unknown>): number {
  assertShape(document);
  let acts = 0;
  for (const operation of document.definitions) {
    if (operation.kind !== Kind.OPERATION_DEFINITION) continue;
    const { depth, aliases, root_fields, introspection_lists, cost } = new Scales(schema, document, operation, variables).operation();
    if (depth > LIMITS.depth)
      throw refuse(`A query may be at most ${LIMITS.depth} levels deep. Ask for what lies deeper in a query of its own.`);
    if (aliases > LIMITS.aliases) throw refuse(`A query may use at most ${LIMITS.aliases} aliases. Split it into several.`);
    if (root_fields > LIMITS.root_fields)
      throw refuse(`A query may ask for at most ${LIMITS.root_fields} fields at its root. Split it into several.`);
    if (introspection_lists > LIMITS.introspection_lists)
      throw refuse(`An introspection may ask for at most ${LIMITS.introspection_lists} lists. Split it into several.`);
    if (cost > LIMITS.cost)
      throw refuse(
        `This query could answer too much: it weighs ${cost} and may weigh ${LIMITS.cost} (${ROW} a row, ${VALUE} a value, ${TEXT} a long text, ${JSON_VALUE} a JSON; lists multiply by their limit). ` +
          'Lower a `limit`, ask for fewer fields, or split it.',
      );
    if (operation.operation === OperationTypeNode.MUTATION) acts = Math.max(acts, root_fields);
  }
  return acts;
}

/** What is counted in the text itself, reached or not. */
function assertShape(document: DocumentNode): void {
  const count = { operations: 0, fragments: 0, directives: 0 };
  let value_depth = 0;
  const value = {
    enter: (): void => {
      if (++value_depth > LIMITS.value_depth) throw refuse(`A value may be at most ${LIMITS.value_depth} levels deep.`);
    },
    leave: (): void => void value_depth--,
  };
  visit(document, {
    OperationDefinition: ({ selectionSet }) => {
      count.operations++;
      assertFewRepeats(selectionSet);
    },
    FragmentDefinition: ({ selectionSet }) => {
      count.fragments++;
      assertFewRepeats(selectionSet);
    },
    Directive: () => void count.directives++,
    ListValue: value,
    ObjectValue: value,
    Field: ({ selectionSet }) => assertFewRepeats(selectionSet),
  });
  for (const [name, times] of Object.entries(count)) {
    const most = LIMITS[name as keyof typeof count];
    if (times > most) throw refuse(`A query may hold at most ${most} ${name}. Split it into several.`);
  }
}

/** Inline fragments are the selection they stand in. */
function assertFewRepeats(set: SelectionSetNode | undefined, repeats = new Map<string, number>()): void {
  for (const selection of set?.selections ?? []) {
    if (selection.kind === Kind.INLINE_FRAGMENT) {
      assertFewRepeats(selection.selectionSet, repeats);
      continue;
    }
    const key = selection.kind === Kind.FIELD ? (selection.alias ?? selection.name).value : `...${selection.name.value}`;
    const times = (repeats.get(key) ?? 0) + 1;
    repeats.set(key, times);
    if (times > LIMITS.repeats) throw refuse(`"${key}" may stand at most ${LIMITS.repeats} times in one selection. Once is enough.`);
  }
}

/** The type a selection is made of; none where the document does not fit the schema. */
type Parent = GraphQLNamedType | null | undefined;

/** Weighs one operation with its variables. */
class Scales {
  private readonly fragments: Map<string, FragmentDefinitionNode>;
  private readonly weighed = new Map<string, Weight>();

  constructor(
    private readonly schema: GraphQLSchema,
    document: DocumentNode,
    private readonly root: OperationDefinitionNode,
    private readonly variables: Record<string, unknown>,
  ) {
    this.fragments = new Map(
      document.definitions.flatMap((definition) =>
        definition.kind === Kind.FRAGMENT_DEFINITION ? [[definition.name.value, definition]] : [],
      ),
    );
  }

  operation(): Weight {
    return this.selection(this.root.selectionSet, this.schema.getRootType(this.root.operation));
  }

  private selection({ selections }: SelectionSetNode, parent: Parent): Weight {
    return selections.map((selection) => this.part(selection, parent)).reduce(sum, NOTHING);
  }

  private part(node: SelectionNode, parent: Parent): Weight {
    if (node.kind === Kind.FIELD) return this.field(node, parent);
    if (node.kind === Kind.FRAGMENT_SPREAD) return this.fragment(node.name.value);
    return this.selection(node.selectionSet, node.typeCondition ? this.schema.getType(node.typeCondition.name.value) : parent);
  }

  private fragment(name: string): Weight {
    const known = this.weighed.get(name);
    if (known) return known;
    const definition = this.fragments.get(name);
    // Unknown, or a circle: the standard rules refuse both.
    this.weighed.set(name, NOTHING);
    const weight = definition ? this.selection(definition.selectionSet, this.schema.getType(definition.typeCondition.name.value)) : NOTHING;
    this.weighed.set(name, weight);
    return weight;
  }

  private field(node: FieldNode, parent: Parent): Weight {
    const definition = this.definition(node.name.value, parent);
    const type = definition && getNamedType(definition.type);
    const inner = node.selectionSet ? this.selection(node.selectionSet, type) : NOTHING;
    const counted = { root_fields: 1, aliases: inner.aliases + (node.alias ? 1 : 0) };
    const list = definition !== undefined && isListType(getNullableType(definition.type));
    // Introspection is no data: it costs no rows, and how deep it goes is the tools' business.
    if (node.name.value.startsWith('__') || (parent && isIntrospectionType(parent)))
      return { ...counted, depth: 0, cost: 0, introspection_lists: inner.introspection_lists + (list ? 1 : 0) };
    const row = type && !isLeafType(type);
    const value = type?.name === 'JSON' ? JSON_VALUE : ((definition?.extensions.complexity as number | undefined) ?? VALUE);
    const own = Math.max(value, row || node.alias ? ROW : 0);
    return {
      ...counted,
      depth: 1 + inner.depth,
      cost: (list && row ? this.rows(node, definition, parent) : 1) * (own + inner.cost),
      introspection_lists: inner.introspection_lists,
    };
  }

  private definition(name: string, parent: Parent): GraphQLField<unknown, unknown> | undefined {
    if (name === SchemaMetaFieldDef.name) return SchemaMetaFieldDef;
    if (name === TypeMetaFieldDef.name) return TypeMetaFieldDef;
    return parent && hasFields(parent) ? parent.getFields()[name] : undefined;
  }

  /** How many rows a list may have: its `limit` as given, as defaulted, else the most a page has. */
  private rows(node: FieldNode, definition: GraphQLField<unknown, unknown>, parent: Parent): number {
    const argument = definition.args.find(({ name }) => name === 'limit');
    if (!argument) return parent === this.schema.getQueryType() ? PAGE_SIZE_MAX : FEW;
    const given = node.arguments?.find(({ name }) => name.value === 'limit')?.value;
    const limit =
      given?.kind === Kind.VARIABLE
        ? (this.variable(given.name.value) ?? argument.defaultValue)
        : given?.kind === Kind.INT
          ? Number(given.value)
          : argument.defaultValue;
    return typeof limit === 'number' && limit >= 1 ? Math.min(limit, PAGE_SIZE_MAX) : PAGE_SIZE_MAX;
  }

  private variable(name: string): unknown {
    if (Object.hasOwn(this.variables, name)) return this.variables[name] ?? PAGE_SIZE_MAX;
    const defined = this.root.variableDefinitions?.find(({ variable }) => variable.name.value === name)?.defaultValue;
    return defined?.kind === Kind.INT ? Number(defined.value) : undefined;
  }
}

const hasFields = (type: GraphQLNamedType): type is Extract<GraphQLCompositeType, { getFields: unknown }> =>
  isCompositeType(type) && 'getFields' in type;

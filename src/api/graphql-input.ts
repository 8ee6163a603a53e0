import type { ApolloServerPlugin, GraphQLRequestContextDidResolveOperation, GraphQLRequestListener } from '@apollo/server';
import { Plugin } from '@nestjs/apollo';
import {
  type DocumentNode,
  GraphQLError,
  type GraphQLSchema,
  type VariableDefinitionNode,
  coerceInputValue,
  isInputType,
  isNonNullType,
  typeFromAST,
  visit,
} from 'graphql';
import { AppError, type ErrorDetail, Invalid } from '#common/errors';
import { MISTAKES_MAX, assertFit, isFitName, isFitText } from '#common/fit';

/** What the doors ask of a REST body, asked of GraphQL's variables and of the values written into the query itself. */
@Plugin()
export class GraphqlInput implements ApolloServerPlugin {
  requestDidStart(): Promise<GraphQLRequestListener<object>> {
    return Promise.resolve({ didResolveOperation: look });
  }
}

function look({ request, schema, document, operation }: GraphQLRequestContextDidResolveOperation<object>): Promise<void> {
  try {
    assertFit(request.variables, 'variables');
    assertFitLiterals(document);
    assertTyped(schema, operation?.variableDefinitions ?? [], request.variables ?? {});
    return Promise.resolve();
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    throw new GraphQLError(error.message, { originalError: error, extensions: { http: { status: error.status } } });
  }
}

/** Their depth is the door's to bound. @throws {Invalid} naming the argument and its fields. */
function assertFitLiterals(document: DocumentNode): void {
  const way: string[] = [];
  const wrong = (msg: string, type: string): Invalid => new Invalid([{ loc: ['query', ...way], msg, type }]);
  const named = {
    enter: ({ name }: { name: { value: string } }): void => {
      way.push(name.value);
      if (!isFitName(name.value)) throw wrong('is a name no field may have', 'reserved_name');
    },
    leave: (): void => void way.pop(),
  };
  visit(document, {
    Argument: named,
    ObjectField: named,
    StringValue: ({ value }) => {
      if (!isFitText(value)) throw wrong('contains a character that cannot be stored', 'string_unicode');
    },
  });
}

/**
 * Variables are what the query says they are. The engine would refuse them too, but without a place, and as a query that is not valid.
 * @throws {Invalid} naming each place.
 */
function assertTyped(schema: GraphQLSchema, definitions: readonly VariableDefinitionNode[], variables: Record<string, unknown>): void {
  const mistakes: ErrorDetail[] = [];
  for (const { variable, type: written, defaultValue } of definitions) {
    const name = variable.name.value;
    const type = typeFromAST(schema, written);
    const value = variables[name];
    if (!isInputType(type) || (value === undefined && (defaultValue || !isNonNullType(type)))) continue;
    const refuse = (way: readonly (string | number)[], wrong: unknown, { message }: GraphQLError): void => {
      if (mistakes.push(mistake([name, ...way], wrong, message)) === MISTAKES_MAX) throw new Invalid(mistakes);
    };
    coerceInputValue(value, type, refuse, HIDE_SUGGESTIONS);
  }
  if (mistakes.length) throw new Invalid(mistakes);
}

/** They spell out a schema that may not be shown. */
const HIDE_SUGGESTIONS = true;

function mistake(way: (string | number)[], value: unknown, msg: string): ErrorDetail {
  // The way to a field that is missing or unknown ends above it.
  const [, field, missing] = /^Field "(\w+)" .*?(was not provided\.)?$/.exec(msg) ?? [];
  return {
    loc: ['variables', ...way, ...(field ? [field] : [])],
    msg,
    type: missing || value === undefined ? 'missing' : 'wrong_type',
  };
}

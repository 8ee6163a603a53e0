import type { ApolloServerPlugin, GraphQLRequestContextDidResolveOperation, GraphQLRequestListener } from '@apollo/server';
import { Plugin } from '@nestjs/apollo';
import { type DocumentNode, GraphQLError, visit } from 'graphql';
import { AppError, Invalid } from '#common/errors';
import { DEPTH_MAX, assertFit, isFitText } from '#common/fit';

/** What the doors ask of a REST body, asked of GraphQL's variables and of the values written into the query itself. */
@Plugin()
export class GraphqlInput implements ApolloServerPlugin {
  requestDidStart(): Promise<GraphQLRequestListener<object>> {
    return Promise.resolve({ didResolveOperation: look });
  }
}

function look({ request, document }: GraphQLRequestContextDidResolveOperation<object>): Promise<void> {
  try {
    assertFit(request.variables, 'variables');
    assertFitLiterals(document);
    return Promise.resolve();
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    throw new GraphQLError(error.message, { originalError: error, extensions: { http: { status: error.status } } });
  }
}

/** @throws {Invalid} naming the argument and its fields. */
function assertFitLiterals(document: DocumentNode): void {
  const way: string[] = [];
  let depth = 0;
  const refuse = (msg: string, type: string): never => {
    throw new Invalid([{ loc: ['query', ...way], msg, type }]);
  };
  const named = {
    enter: ({ name }: { name: { value: string } }): void => void way.push(name.value),
    leave: (): void => void way.pop(),
  };
  const nesting = {
    enter: (): void => void (++depth > DEPTH_MAX && refuse(`is nested more than ${DEPTH_MAX} levels deep`, 'too_deep')),
    leave: (): void => void depth--,
  };
  visit(document, {
    Argument: named,
    ObjectField: named,
    ListValue: nesting,
    ObjectValue: nesting,
    StringValue: ({ value }) => void (isFitText(value) || refuse('contains a character that cannot be stored', 'string_unicode')),
  });
}

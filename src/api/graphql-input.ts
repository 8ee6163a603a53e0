import type { ApolloServerPlugin, GraphQLRequestContextDidResolveOperation, GraphQLRequestListener } from '@apollo/server';
import { Plugin } from '@nestjs/apollo';
import { type DocumentNode, GraphQLError, visit } from 'graphql';
import { AppError, Invalid } from '#common/errors';
import { assertFit, isFitName, isFitText } from '#common/fit';

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

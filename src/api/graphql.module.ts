import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { Module } from '@nestjs/common';
import { GraphQLModule } from '@nestjs/graphql';
import { type ASTVisitor, type GraphQLFormattedError, Kind, type SelectionSetNode, type ValidationContext, GraphQLError } from 'graphql';
import type { AppRequest } from '#access/request';
import { AppError } from '#common/errors';
import { Config } from '#config/config';
import { toAppError } from './errors.filter';
import { GraphqlInput } from './graphql-input';

/** Contract 10, 15. */
const MAX_DEPTH = 10;
const MAX_ALIASES = 30;

const CODES: Record<number, string> = {
  400: 'BAD_USER_INPUT',
  401: 'UNAUTHENTICATED',
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  409: 'CONFLICT',
  422: 'BAD_USER_INPUT',
  429: 'RATE_LIMITED',
  502: 'PROVIDER_ERROR',
};

/** The same services behind `/graphql`. */
@Module({
  imports: [
    GraphQLModule.forRootAsync<ApolloDriverConfig>({
      driver: ApolloDriver,
      inject: [Config],
      useFactory: (config: Config) => ({
        path: '/graphql',
        autoSchemaFile: true,
        sortSchema: true,
        playground: false,
        graphiql: false,
        introspection: !config.production || config.docs_enabled,
        csrfPrevention: true,
        includeStacktraceInErrorResponses: false,
        validationRules: [limits],
        context: ({ req }: { req: AppRequest }) => ({ req, loaders: new Map() }),
        formatError,
      }),
    }),
  ],
  providers: [GraphqlInput],
})
export class GraphqlDoorModule {}

function formatError(formatted: GraphQLFormattedError, thrown: unknown): GraphQLFormattedError {
  let original = (thrown as { originalError?: unknown })?.originalError;
  // Apollo wraps what GraphQL itself says once more.
  while (original instanceof GraphQLError) original = original.originalError;
  // No original: the query itself does not parse or does not fit the schema.
  if (!original) {
    const code = formatted.extensions?.code === 'INTERNAL_SERVER_ERROR' ? 'INTERNAL' : 'BAD_USER_INPUT';
    return {
      ...formatted,
      extensions: {
        code,
        error_code: code === 'INTERNAL' ? 'internal_error' : 'invalid_query',
        status_code: code === 'INTERNAL' ? 500 : 400,
      },
    };
  }
  const error = original instanceof AppError ? original : toAppError(original);
  return {
    message: error.message,
    locations: formatted.locations,
    path: formatted.path,
    extensions: {
      code: CODES[error.status] ?? 'INTERNAL',
      error_code: error.error_code,
      status_code: error.status,
      ...(error.details && { details: error.details }),
      ...(error.retry_after_seconds !== undefined && { retry_after_seconds: error.retry_after_seconds }),
    },
  };
}

/** Depth and aliases are bounded before anything runs. Fragments count where they are spread; a fragment cycle is the standard rules' to refuse. */
function limits(context: ValidationContext): ASTVisitor {
  let aliases = 0;
  const depthOf = (set: SelectionSetNode | undefined, seen: readonly string[]): number => {
    let deepest = 0;
    for (const selection of set?.selections ?? []) {
      if (selection.kind === Kind.FIELD) {
        if (selection.name.value.startsWith('__')) continue;
        deepest = Math.max(deepest, 1 + depthOf(selection.selectionSet, seen));
      } else if (selection.kind === Kind.INLINE_FRAGMENT) deepest = Math.max(deepest, depthOf(selection.selectionSet, seen));
      else if (!seen.includes(selection.name.value))
        deepest = Math.max(deepest, depthOf(context.getFragment(selection.name.value)?.selectionSet, [...seen, selection.name.value]));
    }
    return deepest;
  };
  return {
    Field: (node) => {
      if (node.alias && ++aliases === MAX_ALIASES + 1)
        context.reportError(new GraphQLError(`A query may use at most ${MAX_ALIASES} aliases.`, { nodes: node }));
    },
    OperationDefinition: (node) => {
      if (depthOf(node.selectionSet, []) > MAX_DEPTH)
        context.reportError(new GraphQLError(`A query may be at most ${MAX_DEPTH} levels deep.`, { nodes: node }));
    },
  };
}

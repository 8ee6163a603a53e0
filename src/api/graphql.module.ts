import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { type CallHandler, type ExecutionContext, Injectable, Module, type NestInterceptor } from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { GqlExecutionContext, GraphQLModule } from '@nestjs/graphql';
import {
  type GraphQLFormattedError,
  type GraphQLResolveInfo,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  isLeafType,
} from 'graphql';
import { type Observable, from, lastValueFrom } from 'rxjs';
import type { AppRequest } from '#access/request';
import { Config } from '#config/config';
import { GraphqlContext } from './graphql-context';
import { formatError, graphqlError } from './graphql-errors';
import { GraphqlInput } from './graphql-input';
import { withNextCursors } from './graphql-pages';
import { GraphqlDoor, PARSE_OPTIONS } from './graphql.door';

/** A resolver takes its turn among those of its request. */
@Injectable()
class ResolverTurns implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    if (context.getType<string>() !== 'graphql') return next.handle();
    const request = GqlExecutionContext.create(context).getContext<GraphqlContext>();
    return from(request.inTurn(() => lastValueFrom(next.handle())));
  }
}

/** The values of an answer count as they come, each time they are asked for; what grows too large is taken back whole. */
const boundedAnswers: NonNullable<ApolloDriverConfig['plugins']>[number] = {
  requestDidStart: () =>
    Promise.resolve({
      executionDidStart: () =>
        Promise.resolve({
          willResolveField: ({ contextValue, info }: { contextValue: GraphqlContext; info: GraphQLResolveInfo }) => {
            contextValue.assertFits();
            if (!isLeafType(getNamedType(info.returnType))) return;
            return (_error: unknown, result: unknown) => contextValue.charge(result);
          },
        }),
      willSendResponse: ({
        contextValue,
        response,
      }: {
        contextValue: GraphqlContext;
        response: { http: { status?: number }; body: unknown };
      }) => {
        const { excess } = contextValue;
        if (excess) {
          response.http.status = excess.status;
          response.body = { kind: 'single', singleResult: { errors: [graphqlError(excess)] } };
        }
        return Promise.resolve();
      },
    }),
};

/** Several mutations of one request each stand alone: where one fails, a result that may not be null would take the others' answers with it and end the rest. */
function nullableMutations(schema: GraphQLSchema): GraphQLSchema {
  for (const mutation of Object.values(schema.getMutationType()?.getFields() ?? {})) mutation.type = getNullableType(mutation.type);
  return schema;
}

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
        transformSchema: (schema: GraphQLSchema) => nullableMutations(withNextCursors(schema)),
        playground: false,
        graphiql: false,
        introspection: !config.production || config.docs_enabled,
        csrfPrevention: true,
        // Each request says its query: what the door has not read is not run.
        persistedQueries: false,
        allowBatchedHttpRequests: false,
        includeStacktraceInErrorResponses: false,
        parseOptions: PARSE_OPTIONS,
        validationOptions: { maxErrors: 20, hideSuggestions: config.production },
        plugins: [boundedAnswers],
        context: ({ req }: { req: AppRequest }) => new GraphqlContext(req),
        formatError: (formatted: GraphQLFormattedError, thrown: unknown) => formatError(formatted, thrown, config.production),
      }),
    }),
  ],
  providers: [GraphqlDoor, GraphqlInput, { provide: APP_INTERCEPTOR, useClass: ResolverTurns }],
})
export class GraphqlDoorModule {}

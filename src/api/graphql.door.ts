import { Injectable } from '@nestjs/common';
import { GraphQLSchemaHost } from '@nestjs/graphql';
import type { NextFunction, Response } from 'express';
import { type DocumentNode, type GraphQLSchema, Kind, parse } from 'graphql';
import { ExtractJwt } from 'passport-jwt';
import type { AppRequest } from '#access/request';
import { Sessions } from '#access/sessions';
import { ThrottleGuard } from '#access/throttle';
import { BadRequest } from '#common/errors';
import { sendError, toAppError } from './errors.filter';
import { graphqlError } from './graphql-errors';
import { LIMITS, assertWithinLimits } from './graphql-limits';

/** For the engine too: it reads what the door has read. */
export const PARSE_OPTIONS = { maxTokens: LIMITS.tokens };

const tokenOf = ExtractJwt.fromAuthHeaderAsBearerToken();

/**
 * Stands before the GraphQL engine: counts every request, whether it will reach a resolver or not, and each act of a mutation; refuses documents that would cost too
 * much. What it cannot read it lets through: the engine says what is wrong with it.
 */
@Injectable()
export class GraphqlDoor {
  constructor(
    private readonly schema: GraphQLSchemaHost,
    private readonly sessions: Sessions,
    private readonly throttle: ThrottleGuard,
  ) {}

  readonly pass = async (request: AppRequest, response: Response, next: NextFunction): Promise<void> => {
    try {
      const user_id = await this.caller(request);
      if (request.method !== 'OPTIONS') await this.throttle.hit(request, response, 'graphql', user_id);
      const document = readDocument(request);
      if (document) {
        assertServed(this.schema.schema, document);
        const acts = assertWithinLimits(this.schema.schema, document, variablesOf(request));
        // The first has been counted with the request.
        if (acts > 1) await this.throttle.hit(request, response, 'graphql', user_id, { weight: acts - 1 });
      }
    } catch (thrown) {
      const error = toAppError(thrown);
      sendError(response, error, { errors: [graphqlError(error)] });
      return;
    }
    next();
  };

  /** null: nobody we know. The guards say later what is wrong with a token. */
  private async caller(request: AppRequest): Promise<string | null> {
    const token = tokenOf(request);
    const session = token ? await this.sessions.verify(token).catch(() => null) : null;
    return session?.user_id ?? null;
  }
}

/** Where the engine looks for them: the body of a POST, the query of a GET. */
function parameter(request: AppRequest, name: 'query' | 'variables'): unknown {
  if (request.method === 'GET') return new URL(request.url.replace(/^[^?]*/, ''), 'http://localhost').searchParams.get(name);
  return (request.body as Record<string, unknown> | undefined)?.[name];
}

function readDocument(request: AppRequest): DocumentNode | null {
  const query = parameter(request, 'query');
  if (typeof query !== 'string') return null;
  if (query.length > LIMITS.characters)
    throw new BadRequest(
      'query_too_complex',
      `A query may have at most ${LIMITS.characters} characters. Long values belong into \`variables\`.`,
    );
  try {
    return parse(query, { ...PARSE_OPTIONS, noLocation: true });
  } catch {
    return null;
  }
}

/** The engine calls it a fault of its own. */
function assertServed(schema: GraphQLSchema, document: DocumentNode): void {
  for (const node of document.definitions)
    if (node.kind === Kind.OPERATION_DEFINITION && !schema.getRootType(node.operation))
      throw new BadRequest('invalid_query', `There is no ${node.operation} here: what happens is told on the sockets.`);
}

function variablesOf(request: AppRequest): Record<string, unknown> {
  let variables = parameter(request, 'variables');
  try {
    if (typeof variables === 'string') variables = JSON.parse(variables);
  } catch {
    // The engine refuses them.
  }
  return typeof variables === 'object' && variables !== null ? (variables as Record<string, unknown>) : {};
}

import { GraphQLJSON } from 'graphql-scalars';

/** Any JSON value in GraphQL. */
export const Json = GraphQLJSON;

export type JsonObject = Record<string, unknown>;

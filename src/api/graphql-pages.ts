import { type GraphQLField, type GraphQLSchema, GraphQLString, defaultFieldResolver, getNullableType, isListType } from 'graphql';
import type { Page } from '#common/page.dto';

type Asked = Parameters<typeof defaultFieldResolver>;

/**
 * Lists are plain arrays in GraphQL (contract 10 §15), so where one that takes a `cursor` goes on is asked beside it: each has its `…_next_cursor`, with the
 * same arguments, role and limits. The resolver answers the page, as the REST door does; one that has a sibling of its own answers the rows.
 */
export function withNextCursors(schema: GraphQLSchema): GraphQLSchema {
  const fields = schema.getQueryType()?.getFields() ?? {};
  for (const list of Object.values(fields).filter(isPaged)) {
    const name = `${list.name}_next_cursor`;
    if (fields[name]) continue;
    const { resolve = defaultFieldResolver } = list;
    const page = async (...asked: Asked): Promise<Page<unknown>> => (await resolve(...asked)) as Page<unknown>;
    fields[name] = {
      ...list,
      name,
      type: GraphQLString,
      description: `The \`cursor\` of the page after this one of \`${list.name}\`; null at the end.`,
      resolve: async (...asked: Asked) => (await page(...asked)).next_cursor,
    };
    list.resolve = async (...asked: Asked) => (await page(...asked)).items;
  }
  return schema;
}

const isPaged = ({ type, args }: GraphQLField<unknown, unknown>): boolean =>
  isListType(getNullableType(type)) && args.some(({ name }) => name === 'cursor');

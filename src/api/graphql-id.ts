import { Args, ID } from '@nestjs/graphql';
import { Uuid } from './validation.pipe';

/** An id among GraphQL's arguments: anything but a UUID is 422. With `nullable` it may be left out. */
export const IdArg = (name = 'id', { nullable = false } = {}): ParameterDecorator => Args(name, { type: () => ID, nullable }, Uuid);

import { Args, ID } from '@nestjs/graphql';
import { Uuid } from './validation.pipe';

/** An id among GraphQL's arguments: anything but a UUID is 422. */
export const IdArg = (name = 'id'): ParameterDecorator => Args(name, { type: () => ID }, Uuid);

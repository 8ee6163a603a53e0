import DataLoader from 'dataloader';
import type { AppRequest } from '#access/request';
import { Turns } from '#common/turns';

/** Database connections one GraphQL request may hold at a time, however many fields it asks for. */
const AT_ONCE = 2;

/** What the resolvers of one GraphQL request share. */
export class GraphqlContext {
  /** Resolvers and batches of the request run in turns. */
  readonly turns = new Turns(AT_ONCE);
  private readonly loaders = new Map<string, DataLoader<string, unknown>>();

  constructor(readonly req: AppRequest) {}

  /** The request's one loader of this name: what is asked of it at the same time is one call of `batch`. */
  loader<V>(name: string, batch: (keys: readonly string[]) => Promise<V[]>): DataLoader<string, V> {
    const loader = this.loaders.get(name) ?? new DataLoader<string, unknown>((keys) => this.turns.run(() => batch(keys)));
    this.loaders.set(name, loader);
    return loader as DataLoader<string, V>;
  }
}

import DataLoader from 'dataloader';
import type { AppRequest } from '#access/request';
import { assertPermitted } from '#access/sessions';
import type { Actor } from '#common/actor';
import { BadRequest, Unauthenticated } from '#common/errors';
import type { PermissionResource } from '#common/permissions';
import { Turns } from '#common/turns';

/** Database connections one GraphQL request may hold at a time, however many fields it asks for. */
const AT_ONCE = 2;
/** What one GraphQL request may read and answer, both together: some 1000 messages of the longest text WhatsApp has. */
const BYTES_MAX = 16 * 1024 * 1024;
/** A value that is no text, and what an object costs beside its values. */
const SMALL = 8;

/** What the resolvers of one GraphQL request share. */
export class GraphqlContext {
  private readonly turns = new Turns(AT_ONCE);
  private bytes_left = BYTES_MAX;
  private readonly loaders = new Map<string, DataLoader<string, unknown>>();

  constructor(readonly req: AppRequest) {}

  /** Who reads a field that is of another resource than the one it stands in: guards look at the root of a query alone. @throws {Forbidden} `permission_denied`. */
  assertMayRead(resource: PermissionResource): Actor {
    const { session, actor } = this.req;
    if (!session || !actor) throw new Unauthenticated();
    assertPermitted(session, 'read', resource);
    return actor;
  }

  /** Resolvers and batches of the request run in turns, while what they bring fits. @throws {BadRequest} `query_too_complex`. */
  inTurn<V>(work: () => Promise<V>): Promise<V> {
    return this.turns.run(async () => {
      this.assertFits();
      const brought = await work();
      this.charge(brought);
      this.assertFits();
      return brought;
    });
  }

  /** Counts about what a value holds; stops where nothing is left, so that no value takes long. */
  charge(value: unknown): void {
    const values = [value];
    while (values.length && this.bytes_left >= 0) {
      const next = values.pop();
      this.bytes_left -= SMALL;
      if (typeof next === 'string') this.bytes_left -= next.length;
      else if (typeof next === 'object' && next !== null) for (const inner of Object.values(next)) values.push(inner);
    }
  }

  /** Why the request ends here; null: it fits so far. */
  get excess(): BadRequest | null {
    if (this.bytes_left >= 0) return null;
    return new BadRequest(
      'query_too_complex',
      `This query reads and answers more than ${BYTES_MAX / 1024 / 1024} MiB. Lower a \`limit\`, ask for fewer fields, or split it.`,
    );
  }

  assertFits(): void {
    const { excess } = this;
    if (excess) throw excess;
  }

  /** The request's one loader of this name: what is asked of it at the same time is one call of `batch`. */
  loader<V>(name: string, batch: (keys: readonly string[]) => Promise<V[]>): DataLoader<string, V> {
    const loader = this.loaders.get(name) ?? new DataLoader<string, unknown>((keys) => this.inTurn(() => batch(keys)));
    this.loaders.set(name, loader);
    return loader as DataLoader<string, V>;
  }
}

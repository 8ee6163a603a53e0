import { Injectable } from '@nestjs/common';
import type { Actor } from '#common/actor';
import { Unavailable } from '#common/errors';
import { isUuid } from '#common/uuid';
import { onBehalf } from '#database/connections';
import type { AgentState } from './realtime.dto';
import { GENERAL_CHANNELS } from './realtime.events';

/** Which of these rows may the actor listen to? None of another organization's. */
type Check = (actor: Actor, ids: readonly string[]) => Promise<readonly string[]>;

export interface PresenceChange {
  organization_id: string;
  user_id: string;
  is_online: boolean;
  at: Date;
}

interface PresenceListener {
  /** A user came or went. Told again until it succeeds, and may be told twice. */
  changed(change: PresenceChange): Promise<void>;
  /** Everybody who is online, now and then: what a crash or an outage left wrong is put right. */
  reconcile?(online_user_ids: string[]): Promise<void>;
}

/** What realtime must ask the rooms above it; each registers its answer at start. */
@Injectable()
export class RealtimeRooms {
  private readonly checks = new Map<string, Check>();
  private setAgentStatus?: (actor: Actor, status: AgentState) => Promise<void>;
  presence?: PresenceListener;

  /** Who may have the channels `kind:{id}`. */
  admit(kind: string, check: Check): void {
    this.checks.set(kind, check);
  }

  /** `agent:set_status`; may throw any of our errors. */
  onAgentStatus(set: (actor: Actor, status: AgentState) => Promise<void>): void {
    this.setAgentStatus = set;
  }

  onPresence(listener: PresenceListener): void {
    this.presence = listener;
  }

  async agentStatus(actor: Actor, status: AgentState): Promise<void> {
    const { setAgentStatus } = this;
    if (!setAgentStatus) throw new Unavailable();
    await onBehalf(() => setAgentStatus(actor, status), actor.organization_id);
  }

  async mayHear(actor: Actor, kind: string, id: string): Promise<boolean> {
    return (await this.among(actor, kind, [id])).size > 0;
  }

  /** Which of the channels the actor may have, and which are unknown or another organization's. */
  async resolve(actor: Actor, channels: readonly string[]): Promise<{ known: string[]; unknown: string[] }> {
    const known: string[] = [];
    const unknown: string[] = [];
    // A frame costs one question for each kind, however many it names.
    const asked = Map.groupBy(channels.map(placeOf).filter(isPlace), ({ kind }) => kind);
    const heard = new Map<string, ReadonlySet<string>>();
    for (const [kind, places] of asked) {
      const ids = places.map(({ id }) => id);
      heard.set(kind, await this.among(actor, kind, ids));
    }
    for (const channel of channels) {
      const place = placeOf(channel);
      if (GENERAL_CHANNELS.has(channel)) known.push(channel);
      else if (place && heard.get(place.kind)?.has(place.id)) known.push(`${place.kind}:${place.id}`);
      else unknown.push(channel);
    }
    return { known, unknown };
  }

  private async among(actor: Actor, kind: string, ids: readonly string[]): Promise<ReadonlySet<string>> {
    const rows = [...new Set(ids.filter((id) => isUuid(id)).map((id) => id.toLowerCase()))];
    if (!rows.length) return new Set();
    return new Set(await onBehalf(() => this.checks.get(kind)?.(actor, rows), actor.organization_id));
  }
}

/** What a channel of one row names: `kind:{id}`. */
interface Place {
  kind: string;
  id: string;
}

function placeOf(channel: string): Place | null {
  const [kind, id, ...rest] = channel.split(':');
  return id === undefined || rest.length ? null : { kind, id: id.toLowerCase() };
}

const isPlace = (place: Place | null): place is Place => place !== null;

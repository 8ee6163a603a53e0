import { Injectable } from '@nestjs/common';
import type { Actor } from '#common/actor';
import { Unavailable } from '#common/errors';
import { isUuid } from '#common/uuid';
import { onBehalf } from '#database/connections';
import type { AgentState } from './realtime.dto';
import { GENERAL_CHANNELS } from './realtime.events';

/** May the actor listen to this row? False for another organization's. */
type Check = (actor: Actor, id: string) => Promise<boolean>;

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
    return isUuid(id) && ((await onBehalf(() => this.checks.get(kind)?.(actor, id.toLowerCase()), actor.organization_id)) ?? false);
  }

  /** Which of the channels the actor may have, and which are unknown or another organization's. */
  async resolve(actor: Actor, channels: readonly string[]): Promise<{ known: string[]; unknown: string[] }> {
    const known: string[] = [];
    const unknown: string[] = [];
    for (const channel of channels) {
      if (GENERAL_CHANNELS.has(channel)) {
        known.push(channel);
        continue;
      }
      const [kind, id, ...rest] = channel.split(':');
      if (id !== undefined && !rest.length && (await this.mayHear(actor, kind, id))) known.push(`${kind}:${id.toLowerCase()}`);
      else unknown.push(channel);
    }
    return { known, unknown };
  }
}

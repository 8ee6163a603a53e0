import { randomUUID } from 'node:crypto';
import { forbidden, type EvolutionError } from './evolution-error';

export interface InstanceWebhook {
  enabled: boolean;
  url: string;
  headers: Record<string, string>;
  byEvents: boolean;
  base64: boolean;
  /** UPPER_SNAKE. */
  events: string[];
}

export type GivenWebhook = Partial<InstanceWebhook> & Pick<InstanceWebhook, 'enabled' | 'url'>;

export interface InstanceSettings {
  rejectCall: boolean;
  msgCall: string;
  groupsIgnore: boolean;
  alwaysOnline: boolean;
  readMessages: boolean;
  readStatus: boolean;
  syncFullHistory: boolean;
  wavoipToken: string;
}

export type InstanceState = 'open' | 'connecting' | 'close';

export interface Qr {
  /** Only where a number was named. */
  pairingCode: string | null;
  code: string;
  /** A PNG as a data URL. */
  base64: string;
}

/** A WhatsApp account that a phone lends to Evolution. */
export interface Instance {
  id: string;
  name: string;
  /** Opens this instance alone. */
  token: string;
  /** Digits, as the creator wrote them; Evolution does not compare them with who scans. */
  number: string | null;
  state: InstanceState;
  /** Of the phone that scanned. */
  wuid: string | null;
  profile_name: string | null;
  /** null: none is shown at this moment. */
  qr: Qr | null;
  /** How many were shown since it began to connect. */
  qr_count: number;
  webhook: InstanceWebhook | null;
  settings: InstanceSettings;
  /** As the creator reached Evolution. */
  server_url: string;
  disconnection: { code: number; at: string } | null;
  created_at: string;
}

const MAX_INSTANCES = 1000;

export const nameTaken = (name: string): EvolutionError => forbidden(`This name "${name}" is already in use.`);

/** The instances by their names. */
export class Instances {
  private readonly byName = new Map<string, Instance>();

  all(): Instance[] {
    return [...this.byName.values()];
  }

  find(name: string): Instance | undefined {
    return this.byName.get(name);
  }

  /** @throws {EvolutionError} 403 the name is taken. @throws {RangeError} there are too many. */
  add(given: Pick<Instance, 'name' | 'number' | 'settings' | 'server_url'> & { token: string | undefined }): Instance {
    if (this.byName.has(given.name)) throw nameTaken(given.name);
    if (this.byName.size >= MAX_INSTANCES) throw new RangeError(`instances: ${MAX_INSTANCES} at most`);
    const instance: Instance = {
      ...given,
      id: randomUUID(),
      token: given.token || randomUUID().toUpperCase(),
      state: 'close',
      wuid: null,
      profile_name: null,
      qr: null,
      qr_count: 0,
      webhook: null,
      disconnection: null,
      created_at: new Date().toISOString(),
    };
    this.byName.set(instance.name, instance);
    return instance;
  }

  /** As an earlier process left it. */
  restore(instance: Instance): void {
    this.byName.set(instance.name, instance);
  }

  delete(name: string): void {
    this.byName.delete(name);
  }
}

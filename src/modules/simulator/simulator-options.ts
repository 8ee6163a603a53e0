import type { Addressing } from './evolution/chats';
import type { StatusOrder } from './faults';

export interface SimulatorNumber {
  phone_number_id: string;
  waba_id: string;
  display_phone_number: string;
  verified_name: string;
  /** This number's own app; default the simulator's. */
  app_secret?: string;
}

export interface Delays {
  /** Before the Graph API answers. */
  answer_ms: number;
  /** After the acceptance; Meta shows nothing exact, these look right on a page. */
  sent_ms: number;
  delivered_ms: number;
  failed_ms: number;
  /** After the delivery; null: read when the customer opens the chat. */
  read_after_ms: number | null;
  /** How much later the statuses come in the order `delayed`. */
  late_ms: number;
  template_review_ms: number;
  /** Until an instance that connects shows its first QR code, or one that was connected is again. */
  qr_ms: number;
  /** How long a QR code is good. Baileys: 45 s or 20 s. */
  qr_life_ms: number;
}

/** How Evolution, and the Baileys in it, behave. */
export interface EvolutionOptions {
  /** QRCODE_LIMIT: so many codes are shown until somebody connects anew. */
  qr_limit: number;
  /** How chats name their people, unless a message says otherwise. */
  addressing: Addressing;
  /** An edit is followed by `messages.update` with DELETED, as Evolution 2.3 does with a status it does not know. */
  edit_says_deleted: boolean;
  /** What the API sends comes back as `messages.upsert` too. */
  upsert_own_sends: boolean;
}

export interface SimulatorOptions {
  app_secret: string;
  /** Where the product listens; null: nothing is posted. A function where the port is known only after the start. */
  webhook_url: string | null | (() => string | null);
  /** null: any bearer token is good. */
  access_token: string | null;
  numbers: SimulatorNumber[];
  /** Ids that become numbers of the simulator when first used. */
  accepts: (phone_number_id: string) => boolean;
  delays: Delays;
  statuses: StatusOrder;
  /** How a message outside the 24-hour window fails. Meta: mostly by status. */
  window: 'async' | 'sync' | 'off';
  /** false: who or what the simulator does not know (it forgets, the product does not) is let through. */
  strict: boolean;
  /** A directory of the simulator alone, where the phones and their media outlive it; default: they do not. */
  data_dir: string | undefined;
  /** true: the control routes do not touch the webhook, the secret, the token or other people's numbers. */
  locked: boolean;
  /** Throughput of one number; above it 130429. */
  messages_per_second: number | null;
  /** Meta's pair rate: 45 at once, then one per 6 s; above it 131056. */
  pair_limit: boolean;
  evolution: EvolutionOptions;
}

export type SimulatorSettings = Partial<Omit<SimulatorOptions, 'delays' | 'evolution'>> & {
  delays?: Partial<Delays>;
  evolution?: Partial<EvolutionOptions>;
};

const DEFAULTS: SimulatorOptions = {
  app_secret: '',
  webhook_url: null,
  access_token: null,
  numbers: [],
  accepts: () => false,
  delays: {
    answer_ms: 0,
    sent_ms: 150,
    delivered_ms: 400,
    failed_ms: 400,
    read_after_ms: null,
    late_ms: 5000,
    template_review_ms: 1500,
    qr_ms: 300,
    qr_life_ms: 20_000,
  },
  statuses: 'in_order',
  window: 'async',
  strict: true,
  data_dir: undefined,
  locked: false,
  messages_per_second: null,
  pair_limit: false,
  evolution: { qr_limit: 30, addressing: 'pn', edit_says_deleted: false, upsert_own_sends: false },
};

export const optionsOf = (settings: SimulatorSettings): SimulatorOptions => ({
  ...DEFAULTS,
  ...settings,
  delays: { ...DEFAULTS.delays, ...settings.delays },
  evolution: { ...DEFAULTS.evolution, ...settings.evolution },
});

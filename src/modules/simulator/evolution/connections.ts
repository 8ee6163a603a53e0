import type { SimulatorOptions } from '../simulator-options';
import { badRequest } from './evolution-error';
import type { EvolutionWebhooks } from './evolution-webhooks';
import type { Instance, Instances } from './instances';
import { createJid } from './jid';
import { newQr } from './qr';

/** Baileys, DisconnectReason. */
const BAD_SESSION = 500;
const CONNECTION_CLOSED = 428;
const LOGGED_OUT = 401;

/** The way of an instance between its QR code and the phone that scans it. */
export class Connections {
  private readonly timers = new Map<Instance, NodeJS.Timeout>();

  constructor(
    private readonly options: SimulatorOptions,
    private readonly instances: Instances,
    private readonly webhooks: EvolutionWebhooks,
    /** Hears of every change of state or code. */
    private readonly changed: (instance: Instance) => void,
  ) {}

  /** Begins to show QR codes; `number` asks for a pairing code beside them. */
  connect(instance: Instance, number: string | null): void {
    this.move(instance, 'connecting');
    this.after(instance, this.options.delays.qr_ms, () => this.showQr(instance, number));
  }

  /** The next code before its time. @throws {RangeError} none is shown. */
  nextQr(instance: Instance): void {
    if (!instance.qr) throw new RangeError(`${instance.name}: shows no QR code`);
    this.showQr(instance, instance.qr.pairingCode === null ? null : instance.number);
  }

  /** A phone scans the code. @throws {RangeError} none is shown, or not a phone number. */
  scan(instance: Instance, phone: { number: string; name: string }): void {
    if (!instance.qr) throw new RangeError(`${instance.name}: shows no QR code`);
    const digits = phone.number.replace(/\D/g, '');
    if (!/^\d{7,15}$/.test(digits)) throw new RangeError('number: a phone number has 7 to 15 digits');
    instance.wuid = createJid(digits);
    instance.profile_name = phone.name;
    this.open(instance);
  }

  /** The connection breaks and comes back by itself; Evolution tells nobody that it was closed. */
  reconnect(instance: Instance): void {
    this.move(instance, 'connecting');
    this.after(instance, this.options.delays.qr_ms, () => this.open(instance));
  }

  /** Logged out, there or on the phone. */
  logOut(instance: Instance): void {
    this.stop(instance);
    const reason = { error: { output: { statusCode: LOGGED_OUT, payload: { message: 'Intentional Logout' } } }, date: new Date() };
    instance.disconnection = { code: LOGGED_OUT, at: new Date().toISOString() };
    void this.webhooks.tell(instance, 'status.instance', {
      instance: instance.name,
      status: 'closed',
      disconnectionAt: instance.disconnection.at,
      disconnectionReasonCode: LOGGED_OUT,
      disconnectionObject: JSON.stringify(reason),
    });
    void this.webhooks.tell(instance, 'logout.instance', null);
    void this.webhooks.tell(instance, 'connection.update', { instance: instance.name, state: 'close', statusReason: LOGGED_OUT });
  }

  /** `POST /instance/restart`. @throws {EvolutionError} 400 not connected. */
  restart(instance: Instance): void {
    if (instance.state === 'close') throw badRequest(`The "${instance.name}" instance is not connected`);
    if (instance.state === 'open') this.reconnect(instance);
    else this.connect(instance, instance.number);
  }

  delete(instance: Instance): void {
    if (instance.state !== 'close') this.logOut(instance);
    void this.webhooks.tell(instance, 'instance.delete', { instanceName: instance.name, instanceId: instance.id });
    void this.webhooks.tell(instance, 'remove.instance', null);
    this.instances.delete(instance.name);
    this.changed(instance);
  }

  close(): void {
    for (const timer of this.timers.values()) clearTimeout(timer);
    this.timers.clear();
  }

  private showQr(instance: Instance, number: string | null): void {
    if (instance.qr_count >= this.options.evolution.qr_limit) return this.refuse(instance);
    instance.qr_count++;
    instance.qr = newQr(number);
    const { pairingCode, code, base64 } = instance.qr;
    void this.webhooks.tell(instance, 'qrcode.updated', { qrcode: { instance: instance.name, pairingCode, code, base64 } });
    this.changed(instance);
    this.after(instance, Math.max(this.options.delays.qr_life_ms, 10), () => this.showQr(instance, number));
  }

  private refuse(instance: Instance): void {
    const said = { message: 'QR code limit reached, please login again', statusCode: BAD_SESSION };
    void this.webhooks.tell(instance, 'qrcode.updated', said);
    void this.webhooks.tell(instance, 'connection.update', {
      ...ownerOf(instance),
      instance: instance.name,
      state: 'refused',
      statusReason: CONNECTION_CLOSED,
    });
    this.stop(instance);
  }

  private open(instance: Instance): void {
    clearTimeout(this.timers.get(instance));
    this.timers.delete(instance);
    Object.assign(instance, { state: 'open', qr: null, qr_count: 0, disconnection: null });
    void this.webhooks.tell(instance, 'connection.update', {
      instance: instance.name,
      ...ownerOf(instance),
      state: 'open',
      statusReason: 200,
    });
    this.changed(instance);
  }

  private stop(instance: Instance): void {
    clearTimeout(this.timers.get(instance));
    this.timers.delete(instance);
    Object.assign(instance, { state: 'close', qr: null, qr_count: 0 });
    this.changed(instance);
  }

  private move(instance: Instance, state: 'connecting'): void {
    Object.assign(instance, { state, qr: null });
    void this.webhooks.tell(instance, 'connection.update', { instance: instance.name, state, statusReason: 200 });
    this.changed(instance);
  }

  private after(instance: Instance, ms: number, run: () => void): void {
    clearTimeout(this.timers.get(instance));
    // An instance that waits for a phone keeps no process alive.
    this.timers.set(instance, setTimeout(run, ms).unref());
  }
}

function ownerOf({ wuid, profile_name }: Instance): object {
  return { wuid: wuid ?? undefined, profileName: profile_name ?? undefined, profilePictureUrl: null };
}

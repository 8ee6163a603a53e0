import { META_SECRET, META_TOKEN, type FakeMeta, tried } from './fake-meta';
import { Inbox, type Row } from './inbox';
import { metaPayload } from './meta-payloads';
import { digits, officialNumber } from './official-number';
import { PASSWORD, type Person, type World } from './world';

/** What an act is done with. */
export interface Given {
  /** Who does it; default the administrator. */
  person?: Person;
  /** The id in its path; GraphQL's one id. */
  id?: string;
  /** Ids by name, where a path or GraphQL takes more than one. */
  ids?: Record<string, string>;
  /** It is done in another organization than acme. */
  elsewhere?: true;
  body?: object;
  file?: Buffer;
  /** Default: a picture's. */
  filename?: string;
}

/** Something a person does, and what the audit log calls it whatever the door. */
export interface Act {
  /** Method and path as Nest writes it. */
  rest: string;
  /** GraphQL's name of it, where it has one. */
  mutation?: string;
  /** The mutation is about the caller's own account, and takes no id. */
  mutation_is_own?: true;
  /** What the log says, in this order. */
  said: string[];
  /** Fields the first entry says from and to of, among others. */
  changes?: string[];
  /** Why its entries name no field. */
  changes_nothing?: string;
  given(stage: Stage): Promise<Given>;
  /** Super admins do it, in any organization. */
  crosses?: true;
  /** A body that is refused. */
  wrong?: object;
}

export const phone = (): string => `+55119${digits(8).replace(/^./, '8')}`;

/** An organization in which an act can be done. */
export class Stage {
  private constructor(
    readonly world: World,
    readonly meta: FakeMeta,
    private readonly box: Inbox,
  ) {}

  static async of(world: World, meta: FakeMeta): Promise<Stage> {
    return new Stage(world, meta, new Inbox(world, world.acme, await officialNumber(world, world.acme)));
  }

  get admin(): Person {
    return this.world.acme.admin;
  }

  get agent(): Person {
    return this.world.acme.agent;
  }

  async made(path: string, body: object): Promise<string> {
    const { body: row } = await this.admin.post(path, body).expect(201);
    return (row as { id: string }).id;
  }

  contact(values: object = {}): Promise<string> {
    return this.made('/contacts', { whatsapp_id: phone(), name: 'Ana Souza', company: 'Padaria', ...values });
  }

  /** A tag of this name, there or made. */
  async tag(name: string): Promise<string> {
    const { body } = await this.admin.get(`/contacts/tags?search=${encodeURIComponent(name)}`).expect(200);
    return (body as { items: { id: string }[] }).items[0]?.id ?? (await this.made('/contacts/tags', { name }));
  }

  /** A customer has just written: the window is open. */
  async conversation(): Promise<Row> {
    await this.box.receive(metaPayload.text(this.box.person()));
    return this.box.conversation();
  }

  async closed(): Promise<Row> {
    const conversation = await this.conversation();
    await this.admin.post(`/conversations/${conversation.id}/close`, {}).expect(200);
    return conversation;
  }

  async failed(): Promise<string> {
    return (
      await this.box.outgoing(await this.conversation(), { status: 'failed', payload: { text: 'Já vai' }, whatsapp_message_id: null })
    ).id;
  }

  /** The phone of a customer who has just written. */
  async customer(): Promise<string> {
    await this.conversation();
    const [{ whatsapp_id }] = await this.box.contacts();
    return String(whatsapp_id);
  }

  /** A number Meta knows, connected. */
  async number(): Promise<string> {
    const { phone_number_id, waba_id, display_phone_number } = this.meta.number();
    const ids = { phone_number: display_phone_number, phone_number_id, waba_id };
    const id = await this.made('/whatsapp', { ...ids, access_token: META_TOKEN, app_secret: META_SECRET });
    await tried(this.world, id);
    return id;
  }

  /** A number whose QR code waits to be scanned. */
  async pairing(): Promise<string> {
    const id = await this.made('/whatsapp', { phone_number: phone(), connection_type: 'qrcode' });
    await this.world.sql(
      `INSERT INTO whatsapp_number_pairings (organization_id, whatsapp_number_id, qr_code, expires_at)
       VALUES ($1, $2, 'data:image/png;base64,iVBORw0KGgo=', now() + interval '45 seconds')`,
      [this.world.acme.id, id],
    );
    return id;
  }

  async login(): Promise<{ access_token: string; refresh_token: string }> {
    const { body } = await this.world.guest.post('/auth/login', { email: this.agent.user.email, password: PASSWORD }).expect(200);
    return body as { access_token: string; refresh_token: string };
  }
}

export const someone = (): string => `someone-${digits(9)}@acme.example`;

import { createHash } from 'node:crypto';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Actor } from '#common/actor';
import { assertSomebody } from '#common/assert-somebody';
import { Conflict, Invalid } from '#common/errors';
import type { Page } from '#common/page.dto';
import { newId } from '#common/uuid';
import { Database, type Tx } from '#database/database';
import { type DueRow, DueRows, inTurn } from '#database/due-rows';
import { ContactNews } from '#modules/contacts/contact-news';
import { ContactsService, type Heard, type Said } from '#modules/contacts/contacts.service';
import { Consent, ConsentChannel, ConsentPurpose, ConsentStatus, LegalBasis, SubjectType } from './consent.entity';
import type { ConsentCreate, ConsentQuery } from './privacy.dto';
import { type Subject, Subjects } from './subjects';

/** Who recorded it, from where. */
interface Recorder {
  ip: string | null;
  user_agent: string | null;
}

type Recorded = Partial<Consent> & Pick<Consent, 'purpose' | 'granted'>;

const NOBODY: Recorder = { ip: null, user_agent: null };
const DAY_MS = 86_400_000;

const LIVE = "is_current AND status = 'granted' AND expires_at IS NOT NULL";
const OVERDUE = inTurn(
  `SELECT organization_id FROM consents WHERE ${LIVE} AND expires_at <= now()`,
  `SELECT id FROM consents WHERE organization_id = w.organization_id AND ${LIVE} AND expires_at <= now() ORDER BY expires_at`,
);

/** What people allowed and refused: a history in which the newest of a purpose counts. */
@Injectable()
export class Consents implements OnModuleInit {
  constructor(
    private readonly database: Database,
    private readonly subjects: Subjects,
    private readonly contacts: ContactNews,
    private readonly people: ContactsService,
    rows: DueRows,
  ) {
    rows.add({
      name: 'privacy.expire-consents',
      concurrency: 2,
      timeout_seconds: 30,
      sweep_seconds: 60,
      work: (row) => this.expire(row),
      overdue: (limit) => this.database.rows(OVERDUE, [limit]),
    });
  }

  onModuleInit(): void {
    this.people.onConsent((tx, actor, said, heard) => this.said(tx, actor, said, heard));
  }

  /** History and all, the newest first. @throws {NotFound} */
  async page(actor: Actor, subject_id: string, query: ConsentQuery): Promise<Page<Consent>> {
    await this.subjects.assertKnown(actor, subject_id);
    const { purpose, status, subject_type } = query;
    const page = await this.database.repository(Consent).page(actor, query, {
      sort: ['created_at', 'updated_at', 'purpose', 'status', 'granted_at', 'revoked_at', 'expires_at'],
      search: ['evidence', 'version', 'revocation_reason'],
      filter: { subject_id, purpose, status, subject_type },
    });
    return { ...page, items: page.items.map(present) };
  }

  /** @throws {NotFound} The subject. @throws {Conflict} `already_anonymized`. @throws {Invalid} It would have ended already. */
  async record(actor: Actor, input: ConsentCreate, { ip, user_agent }: Recorder = NOBODY): Promise<Consent> {
    const { subject_id, subject_type, expires_in_days, expires_at, ...values } = input;
    const now = new Date();
    const ends = expires_at ?? (expires_in_days ? new Date(now.getTime() + expires_in_days * DAY_MS) : null);
    if (ends && ends <= now) throw Invalid.field('expires_at', 'must be in the future');
    return this.database.tx(async (tx) => {
      const subject = await this.subjects.get(actor, subject_id, subject_type, tx);
      assertSomebody(subject.type, subject);
      const consent = await this.add(tx, actor, subject, {
        ...values,
        expires_at: values.granted ? ends : null,
        ip_address: ip,
        user_agent,
        recorded_by: actor.user_id,
      });
      if (isMarketing(consent)) await this.contacts.setOptIn(tx, actor.organization_id, subject.id, consent.granted);
      return present(consent);
    });
  }

  /** @throws {NotFound} @throws {Conflict} `invalid_state`: it is not granted, or another one took its place. */
  async revoke(actor: Actor, id: string, reason: string | null = null): Promise<Consent> {
    return this.database.tx(async (tx) => {
      const consents = this.database.repository(Consent, tx);
      const before = await consents.lock(actor, id);
      if (before.status !== ConsentStatus.granted || !before.is_current)
        throw new Conflict(
          'invalid_state',
          before.is_current ? `The consent is ${before.status} already.` : 'A newer consent took its place.',
        );
      const revoked = await consents.patch(actor, id, {
        status: ConsentStatus.revoked,
        revoked_at: new Date(),
        revocation_reason: reason,
      });
      if (isMarketing(revoked)) await this.contacts.setOptIn(tx, actor.organization_id, revoked.subject_id, false);
      this.audit(tx, actor, 'privacy.consent_revoked', revoked, before);
      return present(revoked);
    });
  }

  /**
   * What people said on WhatsApp, or somebody noted on their contacts, is in the ledger with the transaction that heard it. Of a file the log says one
   * thing, the import; the records name it.
   */
  private async said(tx: Tx, actor: Actor, said: readonly Said[], { import_id, evidence }: Heard): Promise<void> {
    for (const granted of [true, false]) {
      const people = said.filter(({ opt_in }) => opt_in === granted).map(({ contact_id: id }) => ({ type: SubjectType.contact, id }));
      if (!people.length) continue;
      const heard = import_id
        ? { channel: ConsentChannel.import, evidence: `Import ${import_id}.` }
        : actor.isSystem && {
            channel: ConsentChannel.whatsapp,
            evidence: evidence ?? (granted ? 'Asked for it on WhatsApp.' : 'Refused it on WhatsApp.'),
          };
      const values = { purpose: ConsentPurpose.marketing, granted, recorded_by: actor.user_id, ...heard };
      const consents = await this.addAll(tx, actor, people, values);
      if (!import_id) for (const consent of consents) this.audit(tx, actor, 'privacy.consent_recorded', consent);
    }
  }

  private async add(tx: Tx, actor: Actor, subject: Subject, values: Recorded): Promise<Consent> {
    const [consent] = await this.addAll(tx, actor, [subject], values);
    this.audit(tx, actor, 'privacy.consent_recorded', consent);
    return consent;
  }

  /** In the place of those before, which a refusal revokes. Two at once about one purpose follow each other. All subjects are of one type. */
  private async addAll(tx: Tx, actor: Actor, subjects: readonly Subject[], values: Recorded): Promise<Consent[]> {
    const { organization_id } = actor;
    const { purpose, granted } = values;
    const [{ type }] = subjects;
    const subject_ids = subjects.map(({ id }) => id).sort();
    await tx.rows('SELECT pg_advisory_xact_lock(hashtextextended(k, 0)) FROM unnest($1::text[]) AS k', [
      subject_ids.map((id) => `consent ${organization_id} ${id} ${purpose}`),
    ]);
    await tx.rows(
      `UPDATE consents SET is_current = false, status = CASE WHEN status = 'granted' AND NOT $5 THEN 'revoked' ELSE status END,
          revoked_at = CASE WHEN status = 'granted' AND NOT $5 THEN now() ELSE revoked_at END, updated_at = now()
        WHERE organization_id = $1 AND subject_type = $2 AND subject_id = ANY($3) AND purpose = $4 AND is_current`,
      [organization_id, type, subject_ids, purpose, granted],
    );
    const given = Object.fromEntries(Object.entries(values).filter(([, value]) => value != null)) as Recorded;
    const now = new Date();
    const rows = subject_ids.map((subject_id) => {
      const row = {
        legal_basis: LegalBasis.consent,
        channel: ConsentChannel.api,
        ...given,
        id: newId(),
        organization_id,
        subject_type: type,
        subject_id,
        given_by: subject_id,
        status: granted ? ConsentStatus.granted : ConsentStatus.denied,
        granted_at: granted ? now : null,
        created_at: now,
      };
      return { ...row, proof: proofOf(row) };
    });
    const consents = this.database.repository(Consent, tx);
    const added = await consents.insertAll<Record<string, unknown>>(rows, `RETURNING ${consents.columns}`);
    return added.map((row) => consents.hydrate(row));
  }

  /** Its time is over, and with it the leave it gave. */
  private async expire({ organization_id, id }: DueRow): Promise<null> {
    const actor = Actor.system(organization_id);
    await this.database.tx(async (tx) => {
      const consents = this.database.repository(Consent, tx);
      const [due] = await tx.rows<{ id: string } | undefined>(
        `UPDATE consents SET status = 'expired', updated_at = now() WHERE organization_id = $1 AND id = $2 AND ${LIVE} AND expires_at <= now() RETURNING id`,
        [organization_id, id],
      );
      if (!due) return;
      const consent = await consents.get(actor, id);
      if (isMarketing(consent)) await this.contacts.setOptIn(tx, organization_id, consent.subject_id, false);
      this.audit(tx, actor, 'privacy.consent_expired', consent, { ...consent, status: ConsentStatus.granted });
    });
    return null;
  }

  private audit(tx: Tx, actor: Actor, action: string, consent: Consent, before?: Consent): void {
    const { id, subject_type, subject_id, purpose, status } = consent;
    // Under the subject: what was done about somebody is found by their id, after their erasure too.
    tx.audit(actor, action, {
      resource_type: subject_type,
      resource: { id: subject_id },
      before: before && told(before),
      after: told(consent),
      metadata: { consent_id: id, purpose, status },
    });
  }
}

/** What the audit log tells of one: nothing of what the person said, or where. */
const told = ({ purpose, granted, status, legal_basis, channel, version, granted_at, revoked_at, expires_at }: Consent): object => ({
  purpose,
  granted,
  status,
  legal_basis,
  channel,
  version,
  granted_at,
  revoked_at,
  expires_at,
});

const isMarketing = ({ purpose, subject_type }: Consent): boolean =>
  purpose === ConsentPurpose.marketing && subject_type === SubjectType.contact;

const present = ({ given_by: _, ...consent }: Consent): Consent => ({ ...consent, user_id: consent.subject_id });

/** What was recorded; what becomes of it later is beside it. */
const PROVED = [
  'organization_id',
  'id',
  'subject_type',
  'given_by',
  'purpose',
  'granted',
  'legal_basis',
  'channel',
  'version',
  'evidence',
  'granted_at',
  'expires_at',
  'ip_address',
  'user_agent',
  'recorded_by',
  'created_at',
] as const satisfies (keyof Consent)[];

/** SHA-256 over the JSON of these values, in this order; what is not there is null. */
const proofOf = (consent: Partial<Consent>): string =>
  createHash('sha256')
    .update(JSON.stringify(PROVED.map((field) => consent[field] ?? null)))
    .digest('hex');

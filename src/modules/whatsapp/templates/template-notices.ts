import { Injectable } from '@nestjs/common';
import { Role } from '#common/actor';
import type { Tx } from '#database/database';
import { Facts, type ReadFact } from '#events/facts';
import { Channel, declareNotice } from '#modules/notifications/notice-types';
import { Notices } from '#modules/notifications/notices';

const STOPPED = declareNotice('template_stopped', {
  text: 'Meta paused or disabled a template.',
  channels: [Channel.in_app, Channel.websocket, Channel.email],
});

const WORDS: Readonly<Record<string, { 'pt-BR': string; en: string }>> = {
  PAUSED: { 'pt-BR': 'pausado', en: 'paused' },
  DISABLED: { 'pt-BR': 'desativado', en: 'disabled' },
};

interface Stopped {
  id: string;
  name: string;
  language: string;
  status: string;
  rejected_reason: string | null;
}

/** Tells administrators of templates that can no longer be sent. */
@Injectable()
export class TemplateNotices {
  constructor(
    private readonly notices: Notices,
    facts: Facts,
  ) {
    facts.reader({ name: 'template-notices', events: ['template.status_updated'], read: (tx, told) => this.read(tx, told) });
  }

  /** A template stands at every number of its account; it is told of once. */
  private async read(tx: Tx, facts: readonly ReadFact[]): Promise<void> {
    const { organization_id } = facts[0];
    const stopped = await tx.rows<Stopped>(
      `SELECT DISTINCT ON (coalesce(meta_template_id, id::text)) id, name, language, status, rejected_reason FROM whatsapp_templates
        WHERE organization_id = $1 AND id = ANY($2) AND status = ANY($3) AND deleted_at IS NULL ORDER BY coalesce(meta_template_id, id::text), id`,
      [organization_id, facts.map(({ data }) => data.template_id), Object.keys(WORDS)],
    );
    for (const { id, name, language, status, rejected_reason } of stopped) {
      const reason = rejected_reason ? `\n\n${rejected_reason}` : '';
      await this.notices.tell(tx, {
        organization_id,
        role: Role.org_admin,
        type: STOPPED,
        title: { 'pt-BR': `Modelo ${WORDS[status]['pt-BR']} pela Meta: ${name}`, en: `Template ${WORDS[status].en} by Meta: ${name}` },
        message: {
          'pt-BR': `O modelo ${name} (${language}) foi ${WORDS[status]['pt-BR']} pela Meta e não pode ser enviado por enquanto.${reason}`,
          en: `The template ${name} (${language}) was ${WORDS[status].en} by Meta and cannot be sent for now.${reason}`,
        },
        data: { template_id: id },
        priority: 'high',
      });
    }
  }
}

import type { Language } from '#common/languages';
import type { Tx } from '#database/database';
import { Channel, declareNotice } from '#modules/notifications/notice-types';
import type { Notices } from '#modules/notifications/notices';
import { type DataRequest, RequestType } from './data-request.entity';

const COMPLETED = declareNotice('privacy_request_completed', {
  text: 'An export, an erasure or an anonymization that took longer than its answer is done; to who asked for it.',
  channels: [Channel.in_app, Channel.email],
});

type Words = Record<'title' | 'message', Record<Language, string>>;

const over = (pt: string, en: string): Words => ({
  title: { 'pt-BR': `${pt} concluída`, en: `${en} is done` },
  message: { 'pt-BR': 'O recibo está entre os pedidos de privacidade.', en: 'The receipt is among the privacy requests.' },
});

const WORDS: Record<RequestType, Words> = {
  export: {
    title: { 'pt-BR': 'Exportação de dados pronta', en: 'An export of personal data is ready' },
    message: { 'pt-BR': 'O arquivo pode ser baixado por sete dias.', en: 'The file can be downloaded for seven days.' },
  },
  erasure: over('Eliminação de dados', 'An erasure of personal data'),
  anonymization: over('Anonimização de dados', 'An anonymization of personal data'),
};

/** In no word of whose data it was. */
export async function tellCompleted(tx: Tx, notices: Notices, { organization_id, id, type, requested_by }: DataRequest): Promise<void> {
  if (!requested_by) return;
  await notices.tell(tx, { organization_id, user_ids: [requested_by], type: COMPLETED, data: { request_id: id }, ...WORDS[type] });
}

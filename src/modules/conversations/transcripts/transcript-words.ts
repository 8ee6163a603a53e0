import type { Language } from '#common/languages';
import { MessageType } from '../messages/message.entity';

interface Words {
  title: (contact: string) => string;
  contact: string;
  number: string;
  team: string;
  period: string;
  messages: string;
  left_out: (count: number) => string;
  rating: string;
  time_zone: string;
  exported_at: string;
  page: (page: number, pages: number) => string;
  note: string;
  bot: string;
  campaign: string;
  deleted: string;
  edited: string;
  failed: string;
  unreadable: string;
  options: string;
  items: (count: number) => string;
  kinds: Partial<Record<MessageType, string>>;
}

/** What a transcript says itself. */
export const TRANSCRIPT_WORDS: Record<Language, Words> = {
  'pt-BR': {
    title: (contact) => `Conversa com ${contact}`,
    contact: 'Contato',
    number: 'Número',
    team: 'Equipe',
    period: 'Período',
    messages: 'Mensagens',
    left_out: (count) => `as mais recentes; ${count} anteriores só em TXT, CSV e JSON`,
    rating: 'Avaliação',
    time_zone: 'Horários de',
    exported_at: 'Exportada em',
    page: (page, pages) => `Página ${page} de ${pages}`,
    note: 'Nota interna',
    bot: 'Assistente virtual',
    campaign: 'Campanha',
    deleted: 'mensagem apagada',
    edited: 'editada',
    failed: 'não entregue',
    unreadable: 'A marca \uFFFD está no lugar de caracteres que este documento não consegue mostrar; o formato TXT os tem.',
    options: 'Opções',
    items: (count) => (count === 1 ? '1 item' : `${count} itens`),
    kinds: {
      image: 'Imagem',
      video: 'Vídeo',
      audio: 'Áudio',
      document: 'Documento',
      sticker: 'Figurinha',
      location: 'Localização',
      contacts: 'Contato',
      order: 'Pedido',
      unsupported: 'Mensagem que só o WhatsApp mostra',
    },
  },
  en: {
    title: (contact) => `Conversation with ${contact}`,
    contact: 'Contact',
    number: 'Number',
    team: 'Team',
    period: 'Period',
    messages: 'Messages',
    left_out: (count) => `the newest; ${count} earlier ones in TXT, CSV and JSON only`,
    rating: 'Rating',
    time_zone: 'Times of',
    exported_at: 'Exported',
    page: (page, pages) => `Page ${page} of ${pages}`,
    note: 'Internal note',
    bot: 'Assistant',
    campaign: 'Campaign',
    deleted: 'message deleted',
    edited: 'edited',
    failed: 'not delivered',
    unreadable: 'The sign \uFFFD stands for characters this document cannot show; the TXT format has them.',
    options: 'Options',
    items: (count) => (count === 1 ? '1 item' : `${count} items`),
    kinds: {
      image: 'Image',
      video: 'Video',
      audio: 'Audio',
      document: 'Document',
      sticker: 'Sticker',
      location: 'Location',
      contacts: 'Contact',
      order: 'Order',
      unsupported: 'A message only WhatsApp shows',
    },
  },
};

import type { Schema } from './schema';
import { EVENT_NAMES } from './evolution-webhooks';

const text: Schema = { type: 'string' };
const flag: Schema = { type: 'boolean' };
const number: Schema = { type: 'string', description: 'Invalid format' };
const filled = (property: string): Schema => ({ type: 'string', minLength: 1, description: `The "${property}" cannot be empty` });

const options: Record<string, Schema> = {
  number,
  delay: { type: 'integer', description: 'Enter a value in milliseconds' },
  linkPreview: flag,
  quoted: {
    type: 'object',
    properties: { key: { type: 'object', properties: { id: text }, required: ['id'] }, message: { type: 'object' } },
  },
  mentionsEveryOne: flag,
  mentioned: {
    type: 'array',
    minItems: 1,
    uniqueItems: true,
    items: { type: 'string', pattern: /^\d+/, description: '"mentioned" must be an array of numeric strings' },
  },
};

const send = (properties: Record<string, Schema>, required: string[]): Schema => ({
  type: 'object',
  properties: { ...options, ...properties },
  required: ['number', ...required],
});

const key: Schema = {
  type: 'object',
  properties: { id: filled('id'), remoteJid: filled('remoteJid'), fromMe: flag },
  required: ['id', 'remoteJid', 'fromMe'],
};

/** The bodies of `POST /message/<name>`. */
export const SENDS = {
  sendText: send({ text }, ['text']),
  sendMedia: send(
    {
      mediatype: { type: 'string', enum: ['image', 'document', 'video', 'audio', 'ptv'] },
      mimetype: text,
      media: text,
      fileName: text,
      caption: text,
    },
    ['mediatype'],
  ),
  sendPtv: send({ video: text }, []),
  sendWhatsAppAudio: send({ audio: text }, []),
  sendSticker: send({ sticker: text }, []),
  sendLocation: send({ latitude: { type: 'number' }, longitude: { type: 'number' }, name: text, address: text }, [
    'latitude',
    'longitude',
    'name',
    'address',
  ]),
  sendContact: send(
    {
      contact: {
        type: 'array',
        minItems: 1,
        uniqueItems: true,
        items: {
          type: 'object',
          properties: {
            fullName: filled('fullName'),
            wuid: { type: 'string', minLength: 10, pattern: /\d+/, description: '"wuid" must be a numeric string' },
            phoneNumber: { type: 'string', minLength: 10 },
            organization: text,
            email: text,
            url: text,
          },
          required: ['fullName', 'phoneNumber'],
        },
      },
    },
    ['contact'],
  ),
  sendReaction: { type: 'object', properties: { key, reaction: text }, required: ['key', 'reaction'] },
  sendPoll: send(
    {
      name: text,
      selectableCount: { type: 'integer', minimum: 0, maximum: 10 },
      values: { type: 'array', minItems: 2, maxItems: 10, uniqueItems: true, items: text },
    },
    ['name', 'selectableCount', 'values'],
  ),
  sendList: send(
    {
      title: text,
      description: text,
      footerText: text,
      buttonText: text,
      sections: {
        type: 'array',
        minItems: 1,
        uniqueItems: true,
        items: {
          type: 'object',
          properties: {
            title: filled('title'),
            rows: {
              type: 'array',
              minItems: 1,
              uniqueItems: true,
              items: {
                type: 'object',
                properties: { title: filled('title'), description: filled('description'), rowId: filled('rowId') },
                required: ['title', 'description', 'rowId'],
              },
            },
          },
          required: ['title', 'rows'],
        },
      },
    },
    ['title', 'footerText', 'buttonText', 'sections'],
  ),
  sendButtons: send(
    {
      thumbnailUrl: text,
      title: text,
      description: text,
      footer: text,
      buttons: {
        type: 'array',
        items: {
          type: 'object',
          properties: {
            type: { type: 'string', enum: ['reply', 'copy', 'url', 'call', 'pix'] },
            displayText: text,
            id: filled('id'),
            url: filled('url'),
            phoneNumber: filled('phoneNumber'),
          },
          required: ['type'],
        },
      },
    },
    [],
  ),
} satisfies Record<string, Schema>;

export type SendName = keyof typeof SENDS;

/** Of `POST /webhook/set` and, within, of `POST /instance/create`. */
const webhook: Schema = {
  type: 'object',
  properties: {
    enabled: flag,
    url: filled('url'),
    headers: { type: 'object' },
    byEvents: flag,
    base64: flag,
    events: { type: 'array', minItems: 0, items: { type: 'string', enum: [...EVENT_NAMES] } },
  },
  required: ['enabled', 'url'],
};

export const WEBHOOK_SET: Schema = { type: 'object', properties: { webhook }, required: ['webhook'] };

export const INSTANCE_CREATE: Schema = {
  type: 'object',
  properties: {
    instanceName: filled('instanceName'),
    token: text,
    number: { type: 'string', pattern: /^\d+[.@\w-]+/ },
    qrcode: flag,
    integration: { type: 'string', enum: ['WHATSAPP-BAILEYS', 'WHATSAPP-BUSINESS', 'EVOLUTION'] },
    rejectCall: flag,
    msgCall: text,
    groupsIgnore: flag,
    alwaysOnline: flag,
    readMessages: flag,
    readStatus: flag,
    syncFullHistory: flag,
    webhook,
  },
  required: ['instanceName'],
};

export const CHATS = {
  whatsappNumbers: {
    type: 'object',
    properties: {
      numbers: {
        type: 'array',
        minItems: 1,
        uniqueItems: true,
        items: { type: 'string', description: '"numbers" must be an array of numeric strings' },
      },
    },
    required: ['numbers'],
  },
  markMessageAsRead: {
    type: 'object',
    properties: { readMessages: { type: 'array', minItems: 1, uniqueItems: true, items: key } },
    required: ['readMessages'],
  },
  sendPresence: {
    type: 'object',
    properties: {
      number,
      delay: { type: 'number' },
      presence: { type: 'string', enum: ['unavailable', 'available', 'composing', 'recording', 'paused'] },
    },
    required: ['number', 'presence', 'delay'],
  },
  fetchProfilePictureUrl: { type: 'object', properties: { number: text } },
  getBase64FromMediaMessage: {
    type: 'object',
    properties: { message: { type: 'object', properties: { key: { type: 'object', properties: { id: text }, required: ['id'] } } } },
    required: ['message'],
  },
} satisfies Record<string, Schema>;

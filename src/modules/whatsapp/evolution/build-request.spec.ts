import type { OutgoingMessage } from '../provider';
import { buildRequest } from './build-request';

const JID = '5511987654321@s.whatsapp.net';

describe('a message to Evolution', () => {
  const build = (message: Partial<OutgoingMessage>, delivery = {}, native_interactive = false) =>
    buildRequest(
      { id: 'm', message_type: 'text', content: null, payload: {}, ...message },
      { phone: '+5511987654321', ...delivery },
      { native_interactive },
    );

  it('names the person by digits or LID, and what it answers', () => {
    expect(build({ payload: { text: 'Oi', preview_url: true } }, { reply_to_provider_id: '3EB0' })).toEqual({
      path: 'message/sendText',
      body: { number: '5511987654321', text: 'Oi', linkPreview: true, quoted: { key: { id: '3EB0' } } },
    });
    expect(build({ payload: { text: 'Oi' } }, { phone: null, bsuid: '123456@lid' }).body.number).toBe('123456@lid');
    expect(() => build({ payload: { text: 'Oi' } }, { phone: null, bsuid: 'BR.123' })).toThrow('neither a phone nor a LID');
  });

  it('is of its kind', () => {
    expect(build({ message_type: 'audio', payload: { voice: true, link: 'https://x/a.ogg' } })).toMatchObject({
      path: 'message/sendWhatsAppAudio',
      body: { audio: 'https://x/a.ogg' },
    });
    expect(build({ message_type: 'audio', payload: { link: 'https://x/a.mp3' } })).toMatchObject({
      path: 'message/sendMedia',
      body: { mediatype: 'audio', media: 'https://x/a.mp3' },
    });
    expect(build({ message_type: 'sticker', payload: { link: 'https://x/a.webp' } })).toMatchObject({ path: 'message/sendSticker' });
    expect(build({ message_type: 'reaction', payload: { emoji: '👍' } }, { target_provider_id: '3EB0', target_is_ours: true })).toEqual({
      path: 'message/sendReaction',
      body: { key: { id: '3EB0', remoteJid: JID, fromMe: true }, reaction: '👍' },
    });
    const buttons = { kind: 'buttons', body: 'Sim?', buttons: [{ id: 'b', title: 'Sim' }] };
    expect(build({ message_type: 'interactive', payload: buttons }).body.text).toBe('Sim?\n\n1. Sim');
    expect(build({ message_type: 'interactive', payload: buttons }, {}, true)).toMatchObject({
      path: 'message/sendButtons',
      body: { buttons: [{ type: 'reply', displayText: 'Sim', id: 'b' }] },
    });
    for (const message_type of ['template', 'order']) expect(() => build({ message_type })).toThrow('cannot be sent');
    expect(() => build({ message_type: 'image' })).toThrow('no file');
  });
});

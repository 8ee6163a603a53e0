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
    const media = { file: { blob: new Blob(['a']), filename: 'a.mp3', mime_type: 'audio/mpeg' } };
    expect(build({ message_type: 'audio', payload: { voice: true } }, { media })).toMatchObject({
      path: 'message/sendWhatsAppAudio',
      file: { field: 'audio' },
    });
    expect(build({ message_type: 'audio' }, { media })).toMatchObject({
      path: 'message/sendMedia',
      body: { mediatype: 'audio', mimetype: 'audio/mpeg', fileName: 'a.mp3' },
      file: { field: 'media' },
    });
    expect(build({ message_type: 'sticker' }, { media })).toMatchObject({ path: 'message/sendSticker', file: { field: 'sticker' } });
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
    // Its server would fetch it from inside the operator's network.
    expect(() => build({ message_type: 'image', payload: { link: 'http://10.0.0.1/' } })).toThrow('no file');
  });
});

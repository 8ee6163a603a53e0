import type { Actor } from '#common/actor';
import { Lane } from '#modules/whatsapp/limits/lane';
import { type Message, SenderType } from './message.entity';

/** As whom a message is sent: the person who acts, a bot in its session with the contact, a campaign, a number that answers by itself, or PyTake itself. */
export type Sender =
  | { type: SenderType.agent }
  | { type: SenderType.bot; session: { flow_id: string; session_id: string; node_id: string } }
  | { type: SenderType.campaign; campaign_id: string }
  | { type: SenderType.automation }
  | { type: SenderType.system };

const LANES: Record<Sender['type'], Lane> = {
  agent: Lane.person,
  bot: Lane.machine,
  automation: Lane.machine,
  system: Lane.machine,
  campaign: Lane.campaign,
};

export const laneOf = ({ type }: Sender): Lane => LANES[type];

/** The person who acts, at the doors. */
export const AGENT: Sender = { type: SenderType.agent };

/** What a message says of its sender. */
export function signed(actor: Actor, sender: Sender): Pick<Message, 'sender_type' | 'sender_user_id' | 'sender_name'> & Partial<Message> {
  const nobody = { sender_type: sender.type, sender_user_id: null, sender_name: null };
  switch (sender.type) {
    case SenderType.agent:
      return { sender_type: sender.type, sender_user_id: actor.member_id, sender_name: actor.name };
    case SenderType.bot:
      return { ...nobody, metadata: sender.session };
    case SenderType.campaign:
      return { ...nobody, campaign_id: sender.campaign_id };
    case SenderType.automation:
    case SenderType.system:
      return nobody;
  }
}

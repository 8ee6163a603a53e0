import { ApiSchema } from '@nestjs/swagger';
import { IsString, MaxLength, ValidateBy } from 'class-validator';

/** One emoji as phones send it; WhatsApp also takes pictographs without their variation selector. */
const ONE_EMOJI = /^(?:\p{RGI_Emoji}|\p{Extended_Pictographic})?$/v;

@ApiSchema({ name: 'MessageReactionInput' })
export class ReactionInput {
  /** One emoji; empty: the reaction is taken back. */
  @IsString()
  @MaxLength(64)
  @ValidateBy({
    name: 'oneEmoji',
    validator: {
      validate: (value) => typeof value === 'string' && ONE_EMOJI.test(value),
      defaultMessage: () => 'emoji must be one emoji, or empty to take the reaction back',
    },
  })
  emoji: string;
}

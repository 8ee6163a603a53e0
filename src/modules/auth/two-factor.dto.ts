import { ArgsType, Field, Int, ObjectType } from '@nestjs/graphql';
import { IsNotEmpty, IsString, Length, MaxLength } from 'class-validator';
import { Alias } from '#common/alias';

/** What an authenticator app is given. */
@ObjectType()
export class TwoFactorSetup {
  /** To be typed into the app: base32. Shown here only. */
  secret: string;

  /** The same for the app's camera: a front end shows it as a QR code. */
  otpauth_url: string;
}

@ArgsType()
export class TwoFactorPassword {
  /** Your password. */
  @IsString()
  @Length(1, 100)
  password: string;
}

@ArgsType()
export class TwoFactorCode {
  /** The six digits the app shows. */
  @IsString()
  @Length(6, 12)
  code: string;
}

@ArgsType()
export class TwoFactorDisable extends TwoFactorPassword {
  /** The six digits the app shows, or a recovery code. Aliases: otp, recovery_code. */
  // Not required by GraphQL, as below.
  @Field({ nullable: true })
  @Alias('otp', 'recovery_code')
  @IsString()
  @Length(6, 40)
  code: string;

  /** Another name of code. */
  otp?: string;

  /** Another name of code. */
  recovery_code?: string;
}

@ArgsType()
export class TwoFactorVerify {
  /** What the login answered, `two_factor_required`. */
  @IsString()
  @IsNotEmpty()
  @MaxLength(4096)
  mfa_token: string;

  /** The six digits the app shows, or a recovery code. Aliases: otp, recovery_code. */
  // Not required by GraphQL, where it may come under another name; by the validator it is.
  @Field({ nullable: true })
  @Alias('otp', 'recovery_code')
  @IsString()
  @Length(6, 40)
  code: string;

  /** Another name of code. */
  otp?: string;

  /** Another name of code. */
  recovery_code?: string;
}

/** Each is good for one login, where the app is not at hand. Shown here only. */
@ObjectType()
export class RecoveryCodes {
  recovery_codes: string[];
}

/** The second factor of your login. */
@ObjectType()
export class TwoFactorState {
  enabled: boolean;

  /** Your organization asks for it: without it you may only set it up. */
  required: boolean;

  @Field(() => Int)
  recovery_codes_left: number;
}

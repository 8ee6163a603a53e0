import type { Organization } from './organization.entity';

/** For so long a deleted organization can be had back; the audit log's trigger knows it too. */
export const GRACE_DAYS = 30;

export const restorableUntil = ({ deleted_at }: Pick<Organization, 'deleted_at'>): Date | null =>
  deleted_at ? new Date(deleted_at.getTime() + GRACE_DAYS * 86_400_000) : null;

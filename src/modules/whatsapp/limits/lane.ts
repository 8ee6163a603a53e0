/** Of the messages that wait for one number the lesser lane leaves first. */
export enum Lane {
  person,
  machine,
  campaign,
}

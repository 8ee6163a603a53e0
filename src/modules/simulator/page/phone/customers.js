import { ask, toast } from '../dialogs.js';
import { call } from './api.js';

const STORE = 'pytake.simulator.customers';
const FIRST = [
  { name: 'Mariana Costa', wa_id: '5511987650001' },
  { name: 'João Pereira', wa_id: '5521987650002' },
  { name: 'Carla Mendes', user_id: 'BR.7301956482', username: 'carla.m' },
];

export function readCustomers() {
  try {
    const saved = JSON.parse(localStorage.getItem(STORE) ?? 'null');
    if (Array.isArray(saved) && saved.length) return saved;
  } catch {
    // A damaged note is no note.
  }
  return FIRST.map((customer) => ({ ...customer }));
}

export const keepCustomers = (customers) => localStorage.setItem(STORE, JSON.stringify(customers.slice(-30)));
export const lastChosen = () => localStorage.getItem(`${STORE}.last`);
export const keepChosen = (customer) => localStorage.setItem(`${STORE}.last`, keyOf(customer));

/** How the simulator names the thread; before it said so, the phone or else the BSUID. */
export function keyOf(customer) {
  return customer?.key ?? customer?.wa_id ?? customer?.user_id ?? '';
}

export function pick({ key, name, wa_id, user_id, username, phone_hidden }) {
  return { key, name, wa_id: wa_id ?? undefined, user_id: wa_id ? undefined : user_id, username: username ?? undefined, phone_hidden };
}

/** A dialog for a customer, or for a new one; resolves with what the simulator now knows, or null. */
export async function askCustomer(customer) {
  const values = await ask(
    customer ? 'Edit the customer' : 'New customer',
    [
      ['name', 'Name', { value: customer?.name ?? '', required: true, maxlength: 100 }],
      [
        'wa_id',
        'Phone with country code',
        { value: customer?.wa_id ? `+${customer.wa_id}` : '', placeholder: '+55 11 98765-4321', inputmode: 'tel' },
      ],
      [
        'user_id',
        'Business-scoped user id (BSUID)',
        {
          value: customer?.user_id ?? '',
          placeholder: 'BR.1A2B3C',
          pattern: '[A-Z]{2}\\.(ENT\\.)?[A-Za-z0-9]{1,128}',
          hint: 'Leave empty unless the customer has no phone here.',
        },
      ],
      ['username', 'Username', { value: customer?.username ?? '', placeholder: 'ana.souza' }],
      ['phone_hidden', 'Hide the phone: webhooks carry the BSUID only', { type: 'checkbox', checked: customer?.phone_hidden ?? false }],
    ],
    'Save',
  );
  if (!values) return null;
  const wa_id = values.wa_id.replace(/\D/g, '') || undefined;
  if (!wa_id && !values.user_id) {
    toast('A customer needs a phone or a BSUID.');
    return null;
  }
  const next = {
    name: values.name,
    wa_id,
    user_id: values.user_id || undefined,
    username: values.username || undefined,
    phone_hidden: values.phone_hidden,
  };
  try {
    const known = await call('POST', '/phone/customers', { from: next, name: next.name });
    next.key = known.key;
  } catch (error) {
    toast(error.message);
    return null;
  }
  return next;
}

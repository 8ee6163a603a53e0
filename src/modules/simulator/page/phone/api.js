export const API = '/simulator/api';

/** @throws {Error} in words for the page. */
export async function call(method, path, body) {
  const json = body !== undefined && !(body instanceof FormData);
  const response = await fetch(`${API}${path}`, {
    method,
    // A form of another site could send neither.
    headers: json ? { 'content-type': 'application/json' } : { 'x-pytake-simulator': '1' },
    body: json ? JSON.stringify(body) : body,
  });
  const answer = response.headers.get('content-type')?.includes('json') ? await response.json() : null;
  if (!response.ok) throw new Error(answer?.error?.message ?? `The simulator answered ${response.status}`);
  return answer;
}

const MARK = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="9" fill="#0f8a5f"/><path d="M8 9.500A2.500 2.500 0 0 1 10.500 7h11A2.500 2.500 0 0 1 24 9.500v7a2.500 2.500 0 0 1-2.500 2.500H15l-5 5v-5a2 2 0 0 1-2-2z" fill="#fff"/><path d="m12 13 2.800 2.800L20 10.600" fill="none" stroke="#0f8a5f" stroke-width="2.200" stroke-linecap="round" stroke-linejoin="round"/></svg>`;

export const FAVICON = `data:image/svg+xml,${encodeURIComponent(MARK)}`;

/** For the head of a page; inside it, so that no page asks for a second thing. */
export const FAVICON_LINK = `<link rel="icon" type="image/svg+xml" href="${FAVICON}">`;

// @ts-check
// Starts Swagger UI on our own description; an own file, for the content security policy allows no inline script.

const place = /** @type {HTMLElement} */ (document.querySelector("#swagger-ui"));
// @ts-ignore: the bundle, a classic deferred script before this module, sets it.
window.SwaggerUIBundle({ url: place.dataset.openapi, domNode: place, deepLinking: true, tryItOutEnabled: false, validatorUrl: null });

// Takes the code of an invitation from behind the #, where no server sees it, into the form; the address bar loses it.
const code = location.hash.slice(1);
const field = document.getElementById("f-code");
if (code && field) {
  field.value = code;
  history.replaceState(null, "", location.pathname);
  document.getElementById("f-password")?.focus();
}

// Back from a provider: code and state leave the address before anything else happens, so that neither history nor a shared screen keeps
// them; then the form goes off by itself.
{
  const back = document.querySelector("form[data-provider-return]");
  if (back) {
    history.replaceState(null, "", location.pathname);
    back.requestSubmit();
  }
}

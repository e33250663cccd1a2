// Before a page is drawn: light or dark. Once it is drawn, which takes all cores of a small machine: its scripts.
if (localStorage.getItem('winnow-theme')) document.documentElement.dataset.theme = localStorage.getItem('winnow-theme');
const { page } = document.currentScript.dataset;
requestAnimationFrame(() => requestAnimationFrame(() => {
    import('./strings.js'); // with its words at once, not when a script comes to them
    import(`./${page}.js`);
}));

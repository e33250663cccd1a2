// Stands in each page: light or dark for the first frame, and once that is drawn, which takes all cores of a small machine, the scripts.
if (localStorage.getItem('winnow-theme')) document.documentElement.dataset.theme = localStorage.getItem('winnow-theme');
const { page } = document.currentScript.dataset;
requestAnimationFrame(() => requestAnimationFrame(() => {
    import('/ui/app/strings.js'); // with its words at once, not when a script comes to them
    import(`/ui/app/${page}.js`);
}));

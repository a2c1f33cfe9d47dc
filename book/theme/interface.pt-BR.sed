# mdBook's own interface in Portuguese: it has no translations of its own.
s|"Toggle Table of Contents"|"Mostrar ou esconder o sumário"|g
s|"Table of contents"|"Sumário"|g
s|"Toggle Searchbar"|"Mostrar ou esconder a busca"|g
s|"Change theme"|"Mudar o tema"|g
s|"Themes"|"Temas"|g
s|"Search (`/`)"|"Buscar (`/`)"|g
s|"Search this book ..."|"Buscar neste livro…"|g
s|"Page navigation"|"Navegação entre páginas"|g
s|"Previous chapter"|"Capítulo anterior"|g
s|"Next chapter"|"Próximo capítulo"|g
s|>Keyboard shortcuts<|>Atalhos de teclado<|
s|Press <kbd>←</kbd> or <kbd>→</kbd> to navigate between chapters|Tecle <kbd>←</kbd> ou <kbd>→</kbd> para ir de um capítulo a outro|
s|Press <kbd>S</kbd> or <kbd>/</kbd> to search in the book|Tecle <kbd>S</kbd> ou <kbd>/</kbd> para buscar no livro|
s|Press <kbd>?</kbd> to show this help|Tecle <kbd>?</kbd> para mostrar esta ajuda|
s|Press <kbd>Esc</kbd> to hide this help|Tecle <kbd>Esc</kbd> para esconder esta ajuda|
s|id="mdbook-theme-default_theme">Auto<|id="mdbook-theme-default_theme">Automático<|
s|id="mdbook-theme-light">Light<|id="mdbook-theme-light">Claro<|
s|</svg>Note</p>|</svg>Nota</p>|
s|</svg>Tip</p>|</svg>Dica</p>|
s|</svg>Important</p>|</svg>Importante</p>|
s|</svg>Warning</p>|</svg>Aviso</p>|
s|</svg>Caution</p>|</svg>Cuidado</p>|

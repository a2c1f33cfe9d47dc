# What mdBook's own page lacks for readers who cannot see it: the role of two of its parts.
s|<label id="mdbook-sidebar-toggle" class="icon-button"|& role="button"|
s|<div id="mdbook-menu-bar" class="menu-bar sticky"|& role="banner"|

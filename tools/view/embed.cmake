# Makes a header of files, so that they are in a program:
#
#   cmake -DOUT=view_files.h -DFILES="view.html;view.css" -P embed.cmake
#
# It has a table, view_files[], of name, bytes and size, in the order of FILES.
set(text "/* Made by embed.cmake. */\n")
set(rows "")
foreach(file IN LISTS FILES)
  get_filename_component(name ${file} NAME)
  string(MAKE_C_IDENTIFIER bytes_of_${name} id)
  file(READ ${file} bytes HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
  # Lines that a compiler is not troubled by.
  string(REGEX REPLACE "(0x[0-9a-f][0-9a-f],0x[0-9a-f][0-9a-f],0x[0-9a-f][0-9a-f],0x[0-9a-f][0-9a-f],0x[0-9a-f][0-9a-f],0x[0-9a-f][0-9a-f],0x[0-9a-f][0-9a-f],0x[0-9a-f][0-9a-f],)"
    "\\1\n" bytes "${bytes}")
  string(APPEND text "static const unsigned char ${id}[] = {\n${bytes}};\n")
  string(APPEND rows "    {\"${name}\", ${id}, sizeof ${id}},\n")
endforeach()
string(APPEND text "static const view_file view_files[] = {\n${rows}};\n")
file(WRITE ${OUT} "${text}")
